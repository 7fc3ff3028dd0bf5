-- name: insert_validation
-- One word on a pattern.
insert into public.pattern_validations (project_id, pattern_id, validation_type, result, evidence, validated_by,
                                        validator_id, confidence)
values (%(project_id)s, %(pattern_id)s, %(validation_type)s, %(result)s, %(evidence)s, %(validated_by)s,
        %(validator_id)s, %(confidence)s)
returning id, project_id, pattern_id, validation_type, result, evidence, validated_by, validator_id, confidence,
          created_at

-- name: page_of_validations
-- A page of a pattern's validations, newest first.
select v.id, v.project_id, v.pattern_id, v.validation_type, v.result, v.evidence, v.validated_by, v.validator_id,
       v.confidence, v.created_at
from public.pattern_validations v
where v.project_id = %(project_id)s and v.pattern_id = %(pattern_id)s
  and (%(last)s::uuid is null or (v.created_at, v.id) < (%(moment)s::timestamptz, %(last)s::uuid))
order by v.created_at desc, v.id desc
limit %(limit)s
