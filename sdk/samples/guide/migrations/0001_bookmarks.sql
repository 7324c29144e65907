CREATE TABLE bookmarks (
  id TEXT PRIMARY KEY,
  url TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL,
  last_status BIGINT,
  checked_at BIGINT,
  token_secret TEXT,
  snapshot TEXT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  revision BIGINT NOT NULL
);
CREATE INDEX bookmarks_by_check ON bookmarks (checked_at);
