#include "storage/schema.hpp"

namespace kernel::storage {
namespace {

// Times are microseconds since the epoch, JSON is TEXT. @SEQUENCE@ is the key that SQLite keeps as its row number.
constexpr const char* log_tables = R"sql(
CREATE TABLE events (
  sequence @SEQUENCE@,
  time_us BIGINT NOT NULL,
  topic TEXT NOT NULL,
  resource_id TEXT NOT NULL,
  owner TEXT NOT NULL,
  data TEXT NOT NULL,
  actor TEXT NOT NULL
);

CREATE TABLE event_cursors (
  subscriber TEXT PRIMARY KEY,
  sequence BIGINT NOT NULL,
  leased_by TEXT,
  lease_until BIGINT
);

CREATE TABLE audit (
  sequence @SEQUENCE@,
  time_us BIGINT NOT NULL,
  actor_kind TEXT NOT NULL,
  actor_id TEXT NOT NULL,
  action TEXT NOT NULL,
  resource TEXT NOT NULL,
  resource_id TEXT NOT NULL,
  address TEXT NOT NULL,
  request_id TEXT NOT NULL,
  mac TEXT NOT NULL
);
CREATE INDEX audit_by_time ON audit (time_us);
CREATE INDEX audit_by_actor ON audit (actor_id, sequence);
CREATE INDEX audit_by_resource ON audit (resource, resource_id, sequence);

CREATE TABLE log_head (
  id BIGINT PRIMARY KEY CHECK (id = 1),
  event_sequence BIGINT NOT NULL,
  audit_sequence BIGINT NOT NULL,
  audit_mac TEXT NOT NULL
);
INSERT INTO log_head (id, event_sequence, audit_sequence, audit_mac) VALUES (1, 0, 0, '');
)sql";

constexpr const char* account_tables = R"sql(
CREATE TABLE users (
  id TEXT PRIMARY KEY,
  email TEXT NOT NULL,
  password_hash TEXT NOT NULL,
  full_name TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('admin', 'member', 'viewer')),
  status TEXT NOT NULL CHECK (status IN ('active', 'pending', 'disabled')),
  mfa_enabled BOOLEAN NOT NULL DEFAULT FALSE,
  mfa_secret TEXT,
  created_at BIGINT NOT NULL,
  last_login_at BIGINT,
  revision BIGINT NOT NULL DEFAULT 1,
  deleted_at BIGINT
);
CREATE UNIQUE INDEX users_email_unique ON users (lower(email)) WHERE deleted_at IS NULL;

CREATE TABLE setup (
  id BIGINT PRIMARY KEY CHECK (id = 1),
  spent_at BIGINT NOT NULL
);

CREATE TABLE sessions (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id),
  ip TEXT NOT NULL,
  user_agent TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  ended_at BIGINT
);
CREATE INDEX sessions_by_user ON sessions (user_id, created_at);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE refresh_tokens (
  hash TEXT PRIMARY KEY,
  session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  issued_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at BIGINT
);
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at);

CREATE TABLE issued_tokens (
  hash TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  principal_id TEXT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX issued_tokens_by_principal ON issued_tokens (kind, principal_id);

CREATE TABLE api_keys (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id),
  name TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE,
  prefix TEXT NOT NULL,
  scopes TEXT,
  created_at BIGINT NOT NULL,
  last_used_at BIGINT,
  expires_at BIGINT,
  revoked_at BIGINT
);
CREATE INDEX api_keys_by_user ON api_keys (user_id, created_at);

CREATE TABLE settings (
  category TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (category, key)
);

CREATE TABLE idempotency (
  principal TEXT NOT NULL,
  key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('running', 'answered', 'lost')),
  node TEXT NOT NULL,
  request_id TEXT NOT NULL,
  audit_sequence BIGINT NOT NULL,
  answer TEXT,
  resource TEXT,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (principal, key)
);
CREATE INDEX idempotency_by_time ON idempotency (created_at);
)sql";

constexpr const char* audit_outcome = R"sql(
ALTER TABLE audit ADD COLUMN outcome TEXT NOT NULL DEFAULT 'success';
)sql";

constexpr const char* password_history_table = R"sql(
CREATE TABLE password_history (
  user_id TEXT NOT NULL REFERENCES users (id),
  hash TEXT NOT NULL,
  replaced_at BIGINT NOT NULL,
  PRIMARY KEY (user_id, hash)
);
)sql";

constexpr const char* mfa_tables = R"sql(
ALTER TABLE users ADD COLUMN mfa_last_step BIGINT NOT NULL DEFAULT 0;
CREATE TABLE mfa_recovery_codes (
  user_id TEXT NOT NULL REFERENCES users (id),
  hash TEXT NOT NULL,
  used_at BIGINT,
  PRIMARY KEY (user_id, hash)
);
)sql";

constexpr const char* ip_rules_table = R"sql(
CREATE TABLE ip_rules (
  id BIGINT PRIMARY KEY CHECK (id = 1),
  rules TEXT NOT NULL,
  revision BIGINT NOT NULL
);
)sql";

constexpr const char* scheduled_jobs_table = R"sql(
CREATE TABLE scheduled_jobs (
  service TEXT PRIMARY KEY,
  schedule TEXT NOT NULL,
  next_at BIGINT NOT NULL,
  started_at BIGINT,
  ended_at BIGINT,
  failure TEXT,
  leased_by TEXT,
  lease_until BIGINT
);
)sql";

constexpr const char* plugin_tables = R"sql(
CREATE TABLE plugin_packages (id TEXT PRIMARY KEY, sha256 TEXT NOT NULL, object TEXT NOT NULL);
CREATE TABLE plugin_switches (id TEXT PRIMARY KEY, is_off BOOLEAN NOT NULL, revision BIGINT NOT NULL);
)sql";

std::string in_dialect(std::string sql, Dialect dialect) {
  constexpr std::string_view placeholder = "@SEQUENCE@";
  const std::string_view type = dialect == Dialect::sqlite ? "INTEGER PRIMARY KEY" : "BIGINT PRIMARY KEY";
  for (auto at = sql.find(placeholder); at != std::string::npos; at = sql.find(placeholder, at))
    sql.replace(at, placeholder.size(), type);
  return sql;
}

}  // namespace

std::vector<Migration> kernel_migrations(Dialect dialect) {
  return {{"0001_logs", in_dialect(log_tables, dialect)},
          {"0002_accounts", in_dialect(account_tables, dialect)},
          {"0006_audit_outcome", audit_outcome},
          {"0005_password_history", password_history_table},
          {"0003_mfa", mfa_tables},
          {"0007_ip_rules", ip_rules_table},
          {"0008_scheduled_jobs", scheduled_jobs_table},
          {"0009_plugins", plugin_tables}};
}

}  // namespace kernel::storage
