CREATE TABLE workers (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  hostname TEXT NOT NULL,
  ip_address TEXT,
  max_agents BIGINT NOT NULL,
  cpu_cores BIGINT NOT NULL,
  memory_total_mb BIGINT NOT NULL,
  os_info TEXT NOT NULL,
  worker_group TEXT NOT NULL,
  is_approved BOOLEAN NOT NULL,
  status TEXT NOT NULL,
  cpu_usage_percent DOUBLE PRECISION,
  memory_usage_percent DOUBLE PRECISION,
  disk_usage_percent DOUBLE PRECISION,
  last_heartbeat_at BIGINT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  revision BIGINT NOT NULL
);
CREATE INDEX workers_by_status ON workers (status, last_heartbeat_at);
