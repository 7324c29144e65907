CREATE TABLE knowledge (
  id TEXT PRIMARY KEY,
  title TEXT NOT NULL,
  content TEXT NOT NULL,
  excerpt TEXT NOT NULL,
  category TEXT,
  tags TEXT NOT NULL,
  source TEXT,
  number BIGINT NOT NULL UNIQUE,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  revision BIGINT NOT NULL
);
CREATE INDEX knowledge_by_category ON knowledge (category, id);
CREATE TABLE knowledge_tags (
  entry_id TEXT NOT NULL REFERENCES knowledge (id) ON DELETE CASCADE,
  tag TEXT NOT NULL,
  PRIMARY KEY (tag, entry_id)
);
CREATE INDEX knowledge_tags_by_entry ON knowledge_tags (entry_id);
-- The full-text index: see docs/decisions/0006-knowledge-search.md.
CREATE TABLE knowledge_pending (
  number INTEGER PRIMARY KEY,
  length BIGINT NOT NULL,
  terms TEXT NOT NULL
);
CREATE TABLE knowledge_postings (
  term TEXT NOT NULL,
  block BIGINT NOT NULL,
  data TEXT NOT NULL,
  PRIMARY KEY (term, block)
) WITHOUT ROWID;
CREATE TABLE knowledge_removed (
  number BIGINT PRIMARY KEY,
  length BIGINT NOT NULL,
  terms TEXT NOT NULL
);
CREATE TABLE knowledge_index (
  numbers BIGINT NOT NULL,
  entries BIGINT NOT NULL,
  words BIGINT NOT NULL,
  vectors BIGINT NOT NULL
);
INSERT INTO knowledge_index (numbers, entries, words, vectors) VALUES (0, 0, 0, 0);
-- What an entry's meaning is looked for by; model is empty until the passage has a vector.
CREATE TABLE knowledge_passages (
  number BIGINT NOT NULL,
  position BIGINT NOT NULL,
  begins BIGINT NOT NULL,
  ends BIGINT NOT NULL,
  model TEXT NOT NULL,
  vector TEXT,
  sequence BIGINT NOT NULL,
  PRIMARY KEY (number, position)
);
CREATE INDEX knowledge_passages_waiting ON knowledge_passages (number, position) WHERE model = '';
CREATE INDEX knowledge_passages_by_model ON knowledge_passages (model, sequence);
