-- Doubles the table of events ten times.
INSERT INTO events SELECT id + 4, kind, (id + 4) / 2, 'n' || (id + 4) FROM events;
INSERT INTO events SELECT id + 8, kind, (id + 8) / 2, 'n' || (id + 8) FROM events;
INSERT INTO events SELECT id + 16, kind, (id + 16) / 2, 'n' || (id + 16) FROM events;
INSERT INTO events SELECT id + 32, kind, (id + 32) / 2, 'n' || (id + 32) FROM events;
INSERT INTO events SELECT id + 64, kind, (id + 64) / 2, 'n' || (id + 64) FROM events;
INSERT INTO events SELECT id + 128, kind, (id + 128) / 2, 'n' || (id + 128) FROM events;
INSERT INTO events SELECT id + 256, kind, (id + 256) / 2, 'n' || (id + 256) FROM events;
INSERT INTO events SELECT id + 512, kind, (id + 512) / 2, 'n' || (id + 512) FROM events;
INSERT INTO events SELECT id + 1024, kind, (id + 1024) / 2, 'n' || (id + 1024) FROM events;
INSERT INTO events SELECT id + 2048, kind, (id + 2048) / 2, 'n' || (id + 2048) FROM events;
