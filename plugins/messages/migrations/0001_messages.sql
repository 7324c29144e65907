CREATE TABLE messages (
  id TEXT PRIMARY KEY,
  sender_agent_id TEXT,
  recipient_agent_id TEXT,
  channel TEXT,
  subject TEXT NOT NULL,
  body TEXT NOT NULL,
  is_read BOOLEAN NOT NULL,
  read_at BIGINT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  revision BIGINT NOT NULL,
  CHECK ((recipient_agent_id IS NULL) <> (channel IS NULL))
);
CREATE INDEX messages_by_recipient ON messages (recipient_agent_id, id);
CREATE INDEX messages_by_channel ON messages (channel, id);
