/** The schema's history, one entry a version; append only, since nodes in the field are somewhere along it. */
export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE node (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
   CREATE TABLE images (
     name TEXT PRIMARY KEY, digest TEXT NOT NULL, bytes INTEGER NOT NULL, files INTEGER NOT NULL,
     source TEXT NOT NULL, created_at INTEGER NOT NULL) STRICT;
   CREATE TABLE slivers (
     id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, environment TEXT NOT NULL,
     image_digest TEXT NOT NULL, image_name TEXT NOT NULL, profile TEXT NOT NULL,
     rspec TEXT NOT NULL, keys TEXT NOT NULL, initscript TEXT, expires_at INTEGER,
     desired TEXT NOT NULL, disk INTEGER NOT NULL, run INTEGER NOT NULL, created_at INTEGER NOT NULL) STRICT;
   CREATE TABLE events (
     id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, type TEXT NOT NULL,
     subject TEXT NOT NULL, data TEXT NOT NULL) STRICT;
   CREATE INDEX events_subject ON events (subject, id);`,
  `CREATE TABLE reservations (
     protocol TEXT NOT NULL, port INTEGER NOT NULL, sliver INTEGER NOT NULL, created_at INTEGER NOT NULL,
     PRIMARY KEY (protocol, port)) STRICT;`,
  `CREATE TABLE days (
     slice TEXT PRIMARY KEY, day INTEGER NOT NULL, up INTEGER NOT NULL, down INTEGER NOT NULL,
     sliver INTEGER, counters TEXT NOT NULL, seen_up INTEGER NOT NULL, seen_down INTEGER NOT NULL) STRICT;`,
  `CREATE TABLE tenures (id INTEGER NOT NULL, name TEXT NOT NULL, began INTEGER NOT NULL, ended INTEGER) STRICT;
   CREATE INDEX tenures_id ON tenures (id, began);
   CREATE INDEX tenures_name ON tenures (name);`,
  `CREATE TABLE refusals (
     sliver INTEGER NOT NULL, reason TEXT NOT NULL, packets INTEGER NOT NULL, seen INTEGER NOT NULL,
     PRIMARY KEY (sliver, reason)) STRICT;`,
  'ALTER TABLE slivers ADD COLUMN revoked TEXT;',
  'CREATE TABLE sessions (id TEXT PRIMARY KEY, session TEXT NOT NULL) STRICT;',
  'ALTER TABLE slivers ADD COLUMN roles TEXT; ALTER TABLE slivers ADD COLUMN authority TEXT;',
  `CREATE TABLE tickets (
     id TEXT PRIMARY KEY, revoked INTEGER NOT NULL, ticket TEXT NOT NULL) STRICT;
   CREATE TABLE schedule (kind TEXT NOT NULL, id TEXT NOT NULL, item TEXT NOT NULL, PRIMARY KEY (kind, id)) STRICT;
   CREATE TABLE redemptions (link TEXT PRIMARY KEY, lease TEXT NOT NULL, good INTEGER NOT NULL) STRICT;`,
  `CREATE TABLE expiry (sliver INTEGER PRIMARY KEY, ends INTEGER NOT NULL, warned INTEGER, over INTEGER) STRICT;`,
  `CREATE TABLE sensors (
     sliver INTEGER NOT NULL, name TEXT NOT NULL, socket TEXT NOT NULL, max_age INTEGER NOT NULL,
     description TEXT NOT NULL, PRIMARY KEY (sliver, name)) STRICT;`,
];
