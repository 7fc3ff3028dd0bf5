-- What team clients write past the API is bounded as there: a page of rows without bounds would fill the memory of the
-- service, which is everybody's. A little wider than the API's own, since hidden secrets and JSON as Postgres writes it
-- take more room.

update public.pattern_usage set
  session_id = left(session_id, 500),
  error = left(error, 20000),
  context = case when octet_length(context::text) > 65536 then '{}' else context end,
  quality_results = case when octet_length(quality_results::text) > 65536 then '{}' else quality_results end
where char_length(session_id) > 500 or char_length(error) > 20000 or octet_length(context::text) > 65536
  or octet_length(quality_results::text) > 65536;
update public.pattern_validations set evidence = '{}' where octet_length(evidence::text) > 65536;

alter table public.pattern_usage
  add constraint pattern_usage_bounds check (
    char_length(session_id) <= 500 and char_length(error) <= 20000
    and octet_length(context::text) <= 65536 and octet_length(quality_results::text) <= 65536);
alter table public.pattern_validations
  add constraint pattern_validations_bounds check (octet_length(evidence::text) <= 65536);

comment on schema motif is 'version 20261120001200';
