"""LiteLLM's Router in this process, asking the wire; runs in an environment that has LiteLLM and nothing of ours.

python -m contestants.of_litellm WIRE_URL
"""

import asyncio
import os
import sys

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # nothing is fetched

import litellm

from contestants.line import serve
from contestants.question import KEY, MODEL, MOST_OUTPUT_TOKENS, SCHEMA, SYSTEM, user


async def main(url: str) -> None:
    """Serve runs until the input ends."""
    litellm.telemetry = False
    router = litellm.Router(
        model_list=[
            {
                "model_name": MODEL,
                "litellm_params": {"model": f"openai/{MODEL}", "api_base": f"{url}/openai/v1", "api_key": KEY},
                "model_info": {"input_cost_per_token": 1e-7, "output_cost_per_token": 5e-7},
            }
        ],
        num_retries=0,
        timeout=30,
    )
    form = {"type": "json_schema", "json_schema": {"name": "pattern", "strict": True, "schema": SCHEMA}}

    async def call(number: int) -> object:
        answer = await router.acompletion(
            model=MODEL,
            messages=[{"role": "system", "content": SYSTEM}, {"role": "user", "content": user(number)}],
            response_format=form,
            max_tokens=MOST_OUTPUT_TOKENS,
            temperature=0,
        )
        assert answer.choices[0].message.content.startswith("{")
        return answer

    await serve(call)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
