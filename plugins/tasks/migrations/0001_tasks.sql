CREATE TABLE tasks (
  id TEXT PRIMARY KEY,
  title TEXT NOT NULL,
  description TEXT NOT NULL,
  instructions TEXT NOT NULL,
  priority BIGINT NOT NULL,
  agent_id TEXT,
  deadline BIGINT,
  required_tools TEXT NOT NULL,
  max_retries BIGINT NOT NULL,
  status TEXT NOT NULL,
  result TEXT,
  error TEXT,
  output_files TEXT NOT NULL,
  retry_count BIGINT NOT NULL,
  progress_percent BIGINT NOT NULL,
  worker_id TEXT,
  parent_task_id TEXT,
  workflow_run_id TEXT,
  cost_usd BIGINT NOT NULL,
  input_tokens BIGINT NOT NULL,
  output_tokens BIGINT NOT NULL,
  started_at BIGINT,
  completed_at BIGINT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  revision BIGINT NOT NULL,
  lease TEXT,
  lease_until BIGINT,
  not_before BIGINT NOT NULL
);
CREATE INDEX tasks_by_agent ON tasks (agent_id, status, priority DESC, id);
CREATE INDEX tasks_by_status ON tasks (status, priority DESC, id);
CREATE INDEX tasks_in_order ON tasks (priority DESC, id);
CREATE INDEX tasks_by_lease ON tasks (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX tasks_by_deadline ON tasks (deadline) WHERE deadline IS NOT NULL AND completed_at IS NULL;

-- What the queue must know of an agent to hand out its tasks; told by the agents' directory.
CREATE TABLE task_agents (
  agent_id TEXT PRIMARY KEY,
  active BOOLEAN NOT NULL,
  worker_id TEXT,
  slots BIGINT NOT NULL,
  running BIGINT NOT NULL
);
