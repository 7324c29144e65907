CREATE TABLE webhooks (
  id TEXT PRIMARY KEY,
  url TEXT NOT NULL,
  description TEXT NOT NULL,
  events TEXT NOT NULL,
  is_active BOOLEAN NOT NULL,
  disabled_reason TEXT,
  previous_secret_expires_at BIGINT,
  owner_id TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  revision BIGINT NOT NULL,
  secret_id TEXT NOT NULL,
  previous_secret_id TEXT
);
CREATE INDEX webhooks_by_owner ON webhooks (owner_id, id);
CREATE INDEX webhooks_with_two_secrets ON webhooks (previous_secret_expires_at)
  WHERE previous_secret_expires_at IS NOT NULL;

-- One lane for each webhook: who sends to it now, and when there is something to send.
CREATE TABLE webhook_lanes (
  webhook_id TEXT PRIMARY KEY,
  due_at BIGINT,
  held_until BIGINT NOT NULL,
  failures BIGINT NOT NULL,
  lease TEXT,
  lease_until BIGINT NOT NULL
);
CREATE INDEX webhook_lanes_due ON webhook_lanes (due_at) WHERE due_at IS NOT NULL;

-- What is sent, once for all webhooks that get it.
CREATE TABLE webhook_messages (
  id TEXT PRIMARY KEY,
  body TEXT NOT NULL,
  created_at BIGINT NOT NULL
);

CREATE TABLE webhook_deliveries (
  id TEXT PRIMARY KEY,
  webhook_id TEXT NOT NULL,
  message_id TEXT NOT NULL,
  type TEXT NOT NULL,
  status TEXT NOT NULL,
  attempts BIGINT NOT NULL,
  response_status BIGINT,
  response_body TEXT,
  error TEXT,
  duration_ms BIGINT,
  next_attempt_at BIGINT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  tries BIGINT NOT NULL,
  in_order BOOLEAN NOT NULL,
  position BIGINT NOT NULL,
  UNIQUE (webhook_id, message_id)
);
CREATE INDEX webhook_deliveries_log ON webhook_deliveries (webhook_id, id);
CREATE INDEX webhook_deliveries_by_message ON webhook_deliveries (message_id);
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (created_at);
CREATE INDEX webhook_deliveries_in_order ON webhook_deliveries (webhook_id, position)
  WHERE status = 'pending' AND in_order;
CREATE INDEX webhook_deliveries_aside ON webhook_deliveries (webhook_id, next_attempt_at)
  WHERE status = 'pending' AND NOT in_order;
