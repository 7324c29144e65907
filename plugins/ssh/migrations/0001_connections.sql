CREATE TABLE ssh_connections (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  hostname TEXT NOT NULL,
  port BIGINT NOT NULL,
  username TEXT NOT NULL,
  auth_method TEXT NOT NULL,
  secret TEXT,
  passphrase_secret TEXT,
  allowed_commands TEXT NOT NULL,
  allow_agents BOOLEAN NOT NULL,
  connect_timeout_seconds BIGINT NOT NULL,
  max_concurrent BIGINT NOT NULL,
  max_output_bytes BIGINT NOT NULL,
  host_key TEXT,
  host_key_algorithm TEXT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  revision BIGINT NOT NULL,
  deleted_at BIGINT
);
CREATE UNIQUE INDEX ssh_connections_by_name ON ssh_connections (name) WHERE deleted_at IS NULL;

CREATE TABLE ssh_executions (
  id TEXT PRIMARY KEY,
  connection_id TEXT NOT NULL,
  command TEXT NOT NULL,
  actor_kind TEXT NOT NULL,
  actor_id TEXT NOT NULL,
  task_id TEXT,
  status TEXT NOT NULL,
  exit_code BIGINT,
  exit_signal TEXT,
  error TEXT,
  output_bytes BIGINT NOT NULL,
  duration_ms BIGINT,
  started_at BIGINT NOT NULL,
  deadline_at BIGINT NOT NULL,
  finished_at BIGINT
);
CREATE INDEX ssh_executions_by_connection ON ssh_executions (connection_id, id);
CREATE INDEX ssh_executions_by_deadline ON ssh_executions (deadline_at) WHERE finished_at IS NULL;
CREATE INDEX ssh_executions_by_end ON ssh_executions (finished_at);
