CREATE TABLE secrets (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  category TEXT NOT NULL,
  version BIGINT NOT NULL,
  expires_at BIGINT,
  granted_to TEXT NOT NULL,
  owner_plugin TEXT,
  last_used_at BIGINT,
  created_by TEXT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  revision BIGINT NOT NULL
);
-- What plugins keep for themselves may repeat a name; what admins make is found by it.
CREATE UNIQUE INDEX secrets_name ON secrets (name) WHERE owner_plugin IS NULL;
CREATE INDEX secrets_expiring ON secrets (expires_at, id) WHERE expires_at IS NOT NULL;

-- Apart from the secret, so that no change of the secret can write back a key that was wrapped anew meanwhile.
CREATE TABLE secret_keys (
  secret_id TEXT PRIMARY KEY REFERENCES secrets (id),
  master_id TEXT NOT NULL,
  wrapped TEXT NOT NULL
);
CREATE INDEX secret_keys_by_master ON secret_keys (master_id, secret_id);

CREATE TABLE secret_versions (
  id TEXT PRIMARY KEY,
  secret_id TEXT NOT NULL REFERENCES secrets (id),
  version BIGINT NOT NULL,
  sealed TEXT NOT NULL,
  created_by TEXT,
  created_at BIGINT NOT NULL,
  UNIQUE (secret_id, version)
);

-- The last minute in which a plugin's use of a secret was audited, and in which a refusal was.
CREATE TABLE secret_uses (
  secret_id TEXT NOT NULL REFERENCES secrets (id),
  plugin TEXT NOT NULL,
  granted BOOLEAN NOT NULL,
  minute BIGINT NOT NULL,
  PRIMARY KEY (secret_id, plugin, granted)
);

-- One row: the last rotation of the master key. Who wraps a key holds it shared, who ends a rotation holds it alone.
CREATE TABLE secret_master (
  id BIGINT PRIMARY KEY CHECK (id = 1),
  from_key TEXT,
  started_at BIGINT,
  finished_at BIGINT,
  total BIGINT NOT NULL
);
INSERT INTO secret_master (id, total) VALUES (1, 0);
