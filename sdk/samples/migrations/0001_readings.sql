CREATE TABLE readings (
  id TEXT PRIMARY KEY,
  sensor TEXT NOT NULL,
  value DOUBLE PRECISION NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX readings_by_time ON readings (created_at);
