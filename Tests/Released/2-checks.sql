-- The log of schema version 2 as of ad67c8f. Tests/Released/README.md says how it was made.
PRAGMA page_size = 4096;
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
BEGIN;
CREATE TABLE message (
    id INTEGER PRIMARY KEY, time INTEGER NOT NULL, sender INTEGER, recipient INTEGER, channel INTEGER,
    bytes INTEGER NOT NULL, seq INTEGER NOT NULL);
CREATE TABLE batch_message (
    id INTEGER PRIMARY KEY, time INTEGER NOT NULL, sender INTEGER, recipient INTEGER, channel INTEGER,
    bytes INTEGER NOT NULL, seq INTEGER NOT NULL, batch INTEGER NOT NULL, batch_size INTEGER NOT NULL);
CREATE TABLE auth (
    id INTEGER PRIMARY KEY, time INTEGER NOT NULL, user INTEGER, ok INTEGER NOT NULL, reason INTEGER);
CREATE TABLE channel_created (
    id INTEGER PRIMARY KEY, time INTEGER NOT NULL, channel INTEGER, initiator INTEGER, peer INTEGER,
    new INTEGER NOT NULL);
CREATE TABLE fetch (
    id INTEGER PRIMARY KEY, time INTEGER NOT NULL, recipient INTEGER, channel INTEGER,
    count INTEGER NOT NULL);
CREATE TABLE user_registered (
    id INTEGER PRIMARY KEY, time INTEGER NOT NULL, user INTEGER, identity INTEGER);
CREATE TABLE identity_name (id INTEGER PRIMARY KEY, value NOT NULL UNIQUE, last_seen INTEGER NOT NULL);
CREATE TABLE user_name (id INTEGER PRIMARY KEY, value NOT NULL UNIQUE);
CREATE TABLE channel_name (id INTEGER PRIMARY KEY, value NOT NULL UNIQUE);
CREATE TABLE reason_name (id INTEGER PRIMARY KEY, value NOT NULL UNIQUE);
CREATE TABLE counter (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, ringed INTEGER NOT NULL, direct INTEGER NOT NULL);
CREATE TABLE ring (
    slot INTEGER PRIMARY KEY, position INTEGER NOT NULL, batch INTEGER NOT NULL,
    batch_size INTEGER NOT NULL);
CREATE TABLE state (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE segment (
    segment INTEGER PRIMARY KEY, first_time INTEGER NOT NULL, last_time INTEGER NOT NULL);
CREATE TABLE segment_minute (
    segment INTEGER NOT NULL, minute INTEGER NOT NULL, message INTEGER NOT NULL, message_sealed INTEGER NOT NULL, message_bytes INTEGER NOT NULL, batch_message INTEGER NOT NULL, batch_message_sealed INTEGER NOT NULL, batch_message_bytes INTEGER NOT NULL, auth INTEGER NOT NULL, auth_failed INTEGER NOT NULL, channel_created INTEGER NOT NULL, channel_new INTEGER NOT NULL, fetch INTEGER NOT NULL, fetch_empty INTEGER NOT NULL, fetch_messages INTEGER NOT NULL, user_registered INTEGER NOT NULL, 
    PRIMARY KEY (segment, minute)) WITHOUT ROWID;
CREATE TABLE segment_size (
    segment INTEGER NOT NULL, measure INTEGER NOT NULL, bucket INTEGER NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (segment, measure, bucket)) WITHOUT ROWID;
CREATE TABLE segment_failure (
    segment INTEGER NOT NULL, reason INTEGER NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (segment, reason)) WITHOUT ROWID;
CREATE TABLE posting (key INTEGER PRIMARY KEY, entries BLOB NOT NULL);
CREATE TABLE epoch (epoch INTEGER PRIMARY KEY, first_id INTEGER NOT NULL);
CREATE TABLE row_check (segment INTEGER PRIMARY KEY, sum INTEGER NOT NULL);
CREATE VIEW events AS
SELECT id, strftime('%Y-%m-%dT%H:%M:%S', time / 1000000, 'unixepoch') || printf('.%06dZ', time % 1000000) AS time, 'message_enqueue' AS kind, (SELECT iif(typeof(value) = 'text', value, lower(hex(value))) FROM identity_name WHERE id = sender) AS sender, (SELECT iif(typeof(value) = 'text', value, lower(hex(value))) FROM identity_name WHERE id = recipient) AS recipient, (SELECT iif(typeof(value) = 'text', value, lower(hex(value))) FROM channel_name WHERE id = channel) AS channel, iif(bytes < 0, printf('%llu', bytes), bytes) AS bytes, iif(seq < 0, printf('%llu', seq), seq) AS seq, NULL AS batch, NULL AS batch_size, NULL AS user, NULL AS ok, NULL AS reason, NULL AS initiator, NULL AS peer, NULL AS new, NULL AS count, NULL AS identity FROM message
UNION ALL
SELECT id, strftime('%Y-%m-%dT%H:%M:%S', time / 1000000, 'unixepoch') || printf('.%06dZ', time % 1000000) AS time, 'batch_enqueue' AS kind, (SELECT iif(typeof(value) = 'text', value, lower(hex(value))) FROM identity_name WHERE id = sender) AS sender, (SELECT iif(typeof(value) = 'text', value, lower(hex(value))) FROM identity_name WHERE id = recipient) AS recipient, (SELECT iif(typeof(value) = 'text', value, lower(hex(value))) FROM channel_name WHERE id = channel) AS channel, iif(bytes < 0, printf('%llu', bytes), bytes) AS bytes, iif(seq < 0, printf('%llu', seq), seq) AS seq, batch, batch_size, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM batch_message
UNION ALL
SELECT id, strftime('%Y-%m-%dT%H:%M:%S', time / 1000000, 'unixepoch') || printf('.%06dZ', time % 1000000) AS time, 'auth' AS kind, NULL, NULL, NULL, NULL, NULL, NULL, NULL, (SELECT iif(typeof(value) = 'text', value, lower(hex(value))) FROM user_name WHERE id = user) AS user, ok, (SELECT value FROM reason_name WHERE id = reason), NULL, NULL, NULL, NULL, NULL FROM auth
UNION ALL
SELECT id, strftime('%Y-%m-%dT%H:%M:%S', time / 1000000, 'unixepoch') || printf('.%06dZ', time % 1000000) AS time, 'channel_created' AS kind, NULL, NULL, (SELECT iif(typeof(value) = 'text', value, lower(hex(value))) FROM channel_name WHERE id = channel) AS channel, NULL, NULL, NULL, NULL, NULL, NULL, NULL, (SELECT iif(typeof(value) = 'text', value, lower(hex(value))) FROM identity_name WHERE id = initiator) AS initiator, (SELECT iif(typeof(value) = 'text', value, lower(hex(value))) FROM identity_name WHERE id = peer) AS peer, new, NULL, NULL FROM channel_created
UNION ALL
SELECT id, strftime('%Y-%m-%dT%H:%M:%S', time / 1000000, 'unixepoch') || printf('.%06dZ', time % 1000000) AS time, 'fetch' AS kind, NULL, (SELECT iif(typeof(value) = 'text', value, lower(hex(value))) FROM identity_name WHERE id = recipient) AS recipient, (SELECT iif(typeof(value) = 'text', value, lower(hex(value))) FROM channel_name WHERE id = channel) AS channel, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, iif(count < 0, printf('%llu', count), count) AS count, NULL FROM fetch
UNION ALL
SELECT id, strftime('%Y-%m-%dT%H:%M:%S', time / 1000000, 'unixepoch') || printf('.%06dZ', time % 1000000) AS time, 'user_registered' AS kind, NULL, NULL, NULL, NULL, NULL, NULL, NULL, (SELECT iif(typeof(value) = 'text', value, lower(hex(value))) FROM user_name WHERE id = user) AS user, NULL, NULL, NULL, NULL, NULL, NULL, (SELECT iif(typeof(value) = 'text', value, lower(hex(value))) FROM identity_name WHERE id = identity) AS identity FROM user_registered;
INSERT INTO message VALUES (5, 1795851860136145, 1, 2, 1, 100, 1);
INSERT INTO message VALUES (6, 1795851860136220, NULL, 2, 1, 70000, 4);
INSERT INTO batch_message VALUES (7, 1795851860136362, 1, 2, 1, 5, 2, 7, 2);
INSERT INTO batch_message VALUES (8, 1795851860136362, 1, 3, 1, 5, 3, 7, 2);
INSERT INTO auth VALUES (2, 1795851860135894, 1, 0, 1);
INSERT INTO auth VALUES (3, 1795851860135976, 1, 1, NULL);
INSERT INTO channel_created VALUES (4, 1795851860136051, 1, 1, 2, 1);
INSERT INTO fetch VALUES (9, 1795851860136461, 2, 1, 3);
INSERT INTO fetch VALUES (10, 1795851860136517, 3, 1, 0);
INSERT INTO user_registered VALUES (1, 1795851860135796, 1, 1);
INSERT INTO identity_name VALUES (1, X'e0721feaa4aac387088de620892c3def', 2993086);
INSERT INTO identity_name VALUES (2, X'bfcd5fbda50587623dcf3c1223946b3b', 2993086);
INSERT INTO identity_name VALUES (3, X'7426327ef3db43ff5a4f067f56de0472', 2993086);
INSERT INTO user_name VALUES (1, X'420ae124d5c19d706dbd4d629cb7a454');
INSERT INTO channel_name VALUES (1, X'1b71fbe1e0a03a4838e90fb843651a6f');
INSERT INTO reason_name VALUES (1, 'user [user] not found');
INSERT INTO counter VALUES (0, 'calls.batch_enqueue', 1, 0);
INSERT INTO counter VALUES (6, 'events.message_enqueue', 2, 0);
INSERT INTO counter VALUES (7, 'events.batch_enqueue', 2, 0);
INSERT INTO counter VALUES (8, 'events.auth', 2, 0);
INSERT INTO counter VALUES (9, 'events.channel_created', 1, 0);
INSERT INTO counter VALUES (10, 'events.fetch', 2, 0);
INSERT INTO counter VALUES (11, 'events.user_registered', 1, 0);
INSERT INTO counter VALUES (12, 'sealed.single', 1, 0);
INSERT INTO counter VALUES (15, 'payload_bytes.single.bucket1', 1, 0);
INSERT INTO counter VALUES (20, 'payload_bytes.single.bucket6', 1, 0);
INSERT INTO counter VALUES (25, 'payload_bytes.single.sum', 70100, 0);
INSERT INTO counter VALUES (26, 'payload_bytes.batch.bucket0', 2, 0);
INSERT INTO counter VALUES (37, 'payload_bytes.batch.sum', 10, 0);
INSERT INTO counter VALUES (39, 'batch_messages.bucket1', 1, 0);
INSERT INTO counter VALUES (49, 'batch_messages.sum', 2, 0);
INSERT INTO counter VALUES (50, 'fetch_messages.bucket0', 1, 0);
INSERT INTO counter VALUES (53, 'fetch_messages.bucket3', 1, 0);
INSERT INTO counter VALUES (62, 'fetch_messages.sum', 3, 0);
INSERT INTO counter VALUES (64, 'auth_failures.unknown_user', 1, 0);
INSERT INTO counter VALUES (70, 'channels_created', 1, 0);
INSERT INTO counter VALUES (71, 'written.message_enqueue', 2, 0);
INSERT INTO counter VALUES (72, 'written.batch_enqueue', 2, 0);
INSERT INTO counter VALUES (73, 'written.auth', 2, 0);
INSERT INTO counter VALUES (74, 'written.channel_created', 1, 0);
INSERT INTO counter VALUES (75, 'written.fetch', 2, 0);
INSERT INTO counter VALUES (76, 'written.user_registered', 1, 0);
INSERT INTO counter VALUES (119, 'hook_duration_ns.message_enqueue.bucket6', 0, 1);
INSERT INTO counter VALUES (129, 'hook_duration_ns.message_enqueue.sum', 0, 676);
INSERT INTO counter VALUES (136, 'hook_duration_ns.batch_enqueue.bucket6', 0, 1);
INSERT INTO counter VALUES (146, 'hook_duration_ns.batch_enqueue.sum', 0, 965);
INSERT INTO counter VALUES (154, 'hook_duration_ns.auth.bucket7', 0, 1);
INSERT INTO counter VALUES (163, 'hook_duration_ns.auth.sum', 0, 2439);
INSERT INTO counter VALUES (169, 'hook_duration_ns.channel_created.bucket5', 0, 1);
INSERT INTO counter VALUES (180, 'hook_duration_ns.channel_created.sum', 0, 395);
INSERT INTO counter VALUES (186, 'hook_duration_ns.fetch.bucket5', 0, 1);
INSERT INTO counter VALUES (197, 'hook_duration_ns.fetch.sum', 0, 334);
INSERT INTO counter VALUES (205, 'hook_duration_ns.user_registered.bucket7', 0, 1);
INSERT INTO counter VALUES (214, 'hook_duration_ns.user_registered.sum', 0, 1877);
INSERT INTO counter VALUES (215, 'flush_duration_us.bucket0', 0, 2);
INSERT INTO counter VALUES (229, 'flush_duration_us.sum', 0, 708);
INSERT INTO ring VALUES (0, 1344, 7, 2);
INSERT INTO ring VALUES (1, 0, 0, 0);
INSERT INTO ring VALUES (2, 0, 0, 0);
INSERT INTO state VALUES ('account_check', -1674995849883651722);
INSERT INTO state VALUES ('created_ns', 1795851860133900316);
INSERT INTO state VALUES ('key_check_1', X'2ec2d56ab5318e73beec0aadeeeb7790');
INSERT INTO state VALUES ('last_id', 10);
INSERT INTO state VALUES ('session', X'073635084b7da37db46fb15d324a7e15');
INSERT INTO epoch VALUES (1, 1);
INSERT INTO row_check VALUES (0, 1910427821082716294);
PRAGMA application_id = 1903190893;
PRAGMA user_version = 2;
COMMIT;
