-- From this number on, entries have the pairs of their words in the index. Those that are there have not, nor have those
-- that a node of the version before adds until it is upgraded too.
ALTER TABLE knowledge_index ADD COLUMN pairs_from BIGINT NOT NULL DEFAULT 0;
UPDATE knowledge_index SET pairs_from = (SELECT CASE WHEN count(*) = 0 THEN 0 ELSE max(number) + 10000 END FROM knowledge);
