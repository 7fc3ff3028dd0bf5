-- name: outcomes
-- How answers stood, by model, type of task and band of complexity, and how long ago the last of them was counted.
select model, task_type, band, successes, failures, extract(epoch from now() - updated_at)::double precision as age_s
from public.model_outcomes

-- name: cooldowns
-- Whom not to ask, and for how long yet by the database's clock.
select vendor, model, extract(epoch from until - now())::double precision as seconds_left, reason
from public.model_cooldowns where until > now()

-- name: cool_down
-- Leave a model in peace, for whichever of two times is the longer one.
insert into public.model_cooldowns as c (vendor, model, until, reason)
values (%(vendor)s, %(model)s, now() + make_interval(secs => %(seconds)s), %(reason)s)
on conflict (vendor, model) do update set
  until = greatest(c.until, excluded.until),
  reason = case when excluded.until > c.until then excluded.reason else c.reason end
