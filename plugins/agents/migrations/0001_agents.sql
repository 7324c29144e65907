CREATE TABLE agents (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  role TEXT NOT NULL,
  llm_provider TEXT,
  llm_model TEXT,
  system_prompt TEXT NOT NULL,
  enabled_tools TEXT NOT NULL,
  worker_id TEXT,
  temperature DOUBLE PRECISION,
  max_tokens BIGINT,
  max_concurrent_tasks BIGINT NOT NULL,
  autonomy TEXT NOT NULL,
  status TEXT NOT NULL,
  running_tasks BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  revision BIGINT NOT NULL,
  deleted_at BIGINT
);
CREATE INDEX agents_by_status ON agents (status, id);
