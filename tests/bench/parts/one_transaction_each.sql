-- The statements of one application, as enrolment sends them for a batch of one: pgbench's custom script.
\set i :i + 1
\set n :client_id * :each + :i - 1
\set c :n % 200
BEGIN;
SELECT courses.*, terms.starts_on, terms.ends_on, terms.apply_from, terms.apply_until, rule_books.document
  FROM courses JOIN terms ON terms.term_id = courses.term_id
  JOIN rule_books ON rule_books.rule_book_id = courses.rule_book_id
 WHERE course_id = '00000000-0000-4000-8004-' || lpad((:c)::text, 12, '0') FOR UPDATE OF courses;
SELECT * FROM applications
 WHERE application_id = '00000000-0000-4000-8003-' || lpad((:n)::text, 12, '0')
    OR (state <> 'ended' AND course_id = '00000000-0000-4000-8004-' || lpad((:c)::text, 12, '0')
        AND pupil_id = '00000000-0000-4000-8002-' || lpad((:n)::text, 12, '0'));
SELECT * FROM pupils WHERE pupil_id = '00000000-0000-4000-8002-' || lpad((:n)::text, 12, '0');
INSERT INTO applications (application_id, course_id, pupil_id, guardian_id, home_municipality, state,
       queued_at, rule, basis, explanation, applied_by, decided_at, changed_at)
SELECT '00000000-0000-4000-8003-' || lpad((:n)::text, 12, '0'), course_id,
       '00000000-0000-4000-8002-' || lpad((:n)::text, 12, '0'),
       '00000000-0000-4000-8001-' || lpad((:n)::text, 12, '0'), '1980',
       CASE WHEN taken < capacity THEN 'placed' ELSE 'queued' END, now(), 'free_seat',
       'cooperation/shared_courses',
       '{"capacity": 20, "fee_ore": 85000, "order": ["queue_date"], "rule_book": "vasteras-2024", "taken_before": 7, "waiting_before": 0}',
       'guardian 1980 bench', now(), now()
  FROM courses WHERE course_id = '00000000-0000-4000-8004-' || lpad((:c)::text, 12, '0');
INSERT INTO application_events (event_id, application_id, at, by, what, why)
VALUES (gen_random_uuid()::text, '00000000-0000-4000-8003-' || lpad((:n)::text, 12, '0'), now(),
       'guardian 1980 bench', 'placed', 'free_seat');
UPDATE courses SET taken = taken + (taken < capacity)::int, waiting = waiting + (taken >= capacity)::int
 WHERE course_id = '00000000-0000-4000-8004-' || lpad((:c)::text, 12, '0');
UPDATE outbox_streams SET last_sequence = last_sequence + 2 WHERE source = 'enrolment'
RETURNING last_sequence AS last \gset
INSERT INTO outbox (source, sequence, message_id, type, envelope, recorded_at)
VALUES ('enrolment', :last - 1, gen_random_uuid()::text, 'se.samklang.enrolment.place_given.v1',
       repeat('x', 900), now()),
       ('enrolment', :last, gen_random_uuid()::text, 'se.samklang.enrolment.course_seats_changed.v1',
       repeat('x', 550), now());
COMMIT;
