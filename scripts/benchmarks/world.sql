-- A district with 13 streets of 8 communities, its people with tokens, and :hazards hazards with their visits,
-- photos and history. Ids are md5 of kind and number, so that rows find each other. 90 % closed; of the open ones
-- 30 % are overdue.
SET session_replication_role = replica;
SET timezone = 'Asia/Shanghai';
CREATE FUNCTION pg_temp.key(kind text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT md5(kind || n)::uuid $$;

INSERT INTO area (id, code, name, level, parent_id, path)
VALUES (pg_temp.key('district', 1), '320106', '鼓楼区', 'district', NULL, '320106/');
INSERT INTO area (id, code, name, level, parent_id, path)
SELECT pg_temp.key('street', s), code, '街道' || s, 'street', pg_temp.key('district', 1), '320106/' || code || '/'
FROM (SELECT s, '320106' || lpad(s::text, 3, '0') AS code FROM generate_series(1, 13) s) streets;
INSERT INTO area (id, code, name, level, parent_id, path)
SELECT pg_temp.key('community', c), street.code || lpad(c::text, 3, '0'), '社区' || c, 'community', street.id,
       street.path || street.code || lpad(c::text, 3, '0') || '/'
FROM generate_series(1, 104) c JOIN area street ON street.id = pg_temp.key('street', (c - 1) / 8 + 1);

INSERT INTO user_account (id, username, staff_number, name, role, password_hash, certificate_no, is_active, created_at)
SELECT pg_temp.key('person', n), 'person' || n, 'S' || n, '工作人员' || n, role, '!', CASE role WHEN 'officer' THEN n::text END,
       true, now() - interval '900 days'
FROM (SELECT n, CASE WHEN n > 208 THEN 'district' WHEN n % 16 < 12 THEN 'inspector' WHEN n % 16 < 14 THEN 'officer'
                     WHEN n % 16 = 14 THEN 'office' ELSE 'leader' END AS role
      FROM generate_series(0, 209) n) people;
INSERT INTO user_area (id, user_id, area_id, valid_from)
SELECT pg_temp.key('user_area', n), pg_temp.key('person', n),
       CASE WHEN n > 207 THEN pg_temp.key('district', 1) ELSE pg_temp.key('street', n / 16 + 1) END, current_date - 800
FROM generate_series(0, 209) n;
INSERT INTO machine_client (id, name, area_id, secret_hash, scope_epoch, is_active, created_at)
VALUES (pg_temp.key('client', 1), '区级平台', pg_temp.key('district', 1), '0', 1, true, now());
INSERT INTO token (token_hash, kind, family_id, user_id, client_id, issued_at, expires_at)
SELECT encode(sha256(('token' || n)::bytea), 'hex'), 'access', pg_temp.key('family', n),
       CASE WHEN n < 210 THEN pg_temp.key('person', n) END, CASE WHEN n = 210 THEN pg_temp.key('client', 1) END,
       now(), now() + interval '900 days'
FROM generate_series(0, 210) n;

INSERT INTO premises (id, kind, name, area_id, area_path, address, attributes, contacts, status, version, registered_at)
SELECT pg_temp.key('premises', p), 'street_shop', '门店' || p, area.id, area.path, '建宁路' || p || '号', '{}', '[]',
       'active', 1, now() - interval '800 days'
FROM generate_series(1, :premises) p JOIN area ON area.id = pg_temp.key('community', p % 104 + 1);

CREATE TEMPORARY TABLE draft AS
SELECT n, (n - 1) / 3 + 1 AS visit, ((n - 1) / 3 * 7919) % :premises + 1 AS place, status, days, due_on, due_on - days AS found_on,
       ((due_on - days)::timestamp + interval '10 hours' + n % 28800 * interval '1 second') AT TIME ZONE 'Asia/Shanghai' AS found_at
FROM (SELECT n, days, status,
             CASE WHEN status = 'closed' THEN current_date - (n * 48271 % 700)::int - 2
                  WHEN n / 10 % 10 < 3 THEN current_date - (n * 48271 % 60)::int - 1
                  ELSE current_date + (n * 48271 % days)::int END AS due_on
      FROM (SELECT n, (ARRAY[3, 7, 15, 30])[n % 4 + 1] AS days,
                   CASE WHEN n % 10 <> 0 THEN 'closed' WHEN n / 100 % 10 < 7 THEN 'rectifying'
                        WHEN n / 100 % 10 < 9 THEN 'awaiting_reinspection' ELSE 'awaiting_confirmation' END AS status
            FROM generate_series(1, :hazards::bigint) n) drawn) dated;
ALTER TABLE draft ADD COLUMN area_id uuid, ADD COLUMN path text, ADD COLUMN inspector int;
UPDATE draft SET area_id = premises.area_id, path = premises.area_path,
                 inspector = (substr(premises.area_path, 14, 3)::int - 1) * 16 + visit % 12
FROM premises WHERE premises.id = pg_temp.key('premises', place);

INSERT INTO inspection (id, number, version, premises_id, area_id, area_path, kind, reporter_id, inspector_ids, started_at, ended_at,
                        stated_started_at, stated_ended_at, offset_ms, clock_suspect, received_at, request_hash, content_hash, answer)
SELECT DISTINCT ON (visit) pg_temp.key('visit', visit), 'JC-' || visit, 1, pg_temp.key('premises', place), area_id, path, 'patrol',
       pg_temp.key('person', inspector), json_build_array(pg_temp.key('person', inspector)), found_at - interval '20 minutes', found_at,
       found_at - interval '20 minutes', found_at, 0, false, found_at, repeat('0', 64), repeat('0', 64), '{}'
FROM draft ORDER BY visit, n;
INSERT INTO photo (id, version, sha256, bytes, role, source, taken_at, owner_id, created_at, named_at, inspection_id, area_path,
                   stored_at, media_type, width, height, readable, thumbnail_ready)
SELECT pg_temp.key('photo', n), 1, encode(sha256(('photo' || n)::bytea), 'hex'), 2500000, 'before', 'camera', found_at,
       pg_temp.key('person', inspector), found_at, found_at, pg_temp.key('visit', visit), path, found_at, 'image/jpeg', 4000, 3000, true, true
FROM draft;
INSERT INTO hazard (id, number, version, status, close_reason, severity, source, inspection_id, premises_id, area_id, area_path,
                    finding_code, category_zh, immediate_fix, paper_type, text, place, fixed_on_site, reporter_id, reporter_ids, handler_id,
                    claimant_id, claimed_at, reinspector_id, reinspected_at, last_event_at, found_at, found_on, registered_at,
                    due_on, original_due_on, due_unrolled_on, due_base_on, due_days, due_counting, due_on_provisional, due_printed,
                    policy_code, policy_version, calendar_version, round, extensions, evidence_complete, flags, closed_at)
SELECT pg_temp.key('hazard', n), 'YH-' || n, CASE status WHEN 'rectifying' THEN 2 ELSE 3 END, status,
       CASE status WHEN 'closed' THEN 'rectified' END, 'general', 'inspection', pg_temp.key('visit', visit), pg_temp.key('premises', place),
       area_id, path, 'EV-0' || lpad((n % 9 + 1)::text, 2, '0'), '疏散通道', false, false, '二楼楼梯间堆放纸箱等可燃物，占用疏散通道', '2F A-113 旁楼梯', false,
       pg_temp.key('person', inspector), json_build_array(pg_temp.key('person', inspector)), pg_temp.key('person', inspector),
       CASE WHEN status <> 'rectifying' THEN pg_temp.key('person', inspector) END, CASE WHEN status <> 'rectifying' THEN found_at END,
       CASE WHEN status IN ('closed', 'awaiting_confirmation') THEN pg_temp.key('person', (inspector / 16) * 16 + (inspector + 1) % 12) END,
       CASE WHEN status IN ('closed', 'awaiting_confirmation') THEN found_at END,
       found_at, found_at, found_on, found_at, due_on, due_on, due_on, found_on, days, 'calendar', false, false,
       'DL-G-EVAC', 1, 1, 1, 0, true, '[]', CASE status WHEN 'closed' THEN found_at + interval '2 days' END
FROM draft;
INSERT INTO hazard_event (id, hazard_id, version, action, actor_id, actor_role, occurred_at, recorded_at, stated_at, offset_ms,
                          from_status, to_status, round, was_stale, clock_suspect, detail)
SELECT pg_temp.key('event' || step, n), pg_temp.key('hazard', n), step, action, pg_temp.key('person', inspector), 'inspector',
       found_at + step * interval '1 minute', found_at + step * interval '1 minute', found_at, 0, CASE WHEN step > 1 THEN 'rectifying' END,
       CASE step WHEN 1 THEN 'rectifying' ELSE status END, 1, false, false, '{}'
FROM draft JOIN (VALUES (1, 'report'), (2, 'claim_rectified'), (3, 'pass_reinspection')) steps (step, action)
  ON step = 1 OR status = 'closed' OR (step = 2 AND status <> 'rectifying');
INSERT INTO hazard_photo (hazard_id, photo_id, event_id, role, position)
SELECT pg_temp.key('hazard', n), pg_temp.key('photo', n), pg_temp.key('event1', n), 'before', 0 FROM draft;
