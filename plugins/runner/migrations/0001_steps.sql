CREATE TABLE runner_steps (
  task_id TEXT NOT NULL,
  attempt BIGINT NOT NULL,
  number BIGINT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('llm', 'tool')),
  is_done BOOLEAN NOT NULL,
  content TEXT NOT NULL,
  began_at BIGINT NOT NULL,
  ended_at BIGINT,
  PRIMARY KEY (task_id, attempt, number)
);
