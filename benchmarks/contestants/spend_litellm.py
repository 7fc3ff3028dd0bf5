"""A process of LiteLLM's Router with a budget for the vendor; runs in an environment that has LiteLLM alone.

    python -m contestants.spend_litellm WIRE_URL SEED TASKS AT_ONCE BUDGET_USD

Without a Redis its processes know nothing of each other, so each is given its share of the budget.
"""

import asyncio
import logging
import os
import sys

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # nothing is fetched

import litellm

from contestants.question import KEY, MODEL, MOST_OUTPUT_TOKENS, SCHEMA, SYSTEM, user
from contestants.spender import Refused, spend, tell

TIMEOUT_S = 2.0


async def main(url: str, seed: int, tasks: int, at_once: int, budget_usd: float) -> None:
    """Spend."""
    litellm.telemetry = False
    logging.disable(logging.ERROR)
    router = litellm.Router(
        model_list=[
            {
                "model_name": MODEL,
                "litellm_params": {"model": f"openai/{MODEL}", "api_base": f"{url}/openai/v1", "api_key": KEY},
                "model_info": {"input_cost_per_token": 1e-7, "output_cost_per_token": 5e-7},
            }
        ],
        provider_budget_config={"openai": {"budget_limit": budget_usd, "time_period": "1d"}},
        num_retries=0,
        timeout=TIMEOUT_S,
        disable_cooldowns=True,
    )
    form = {"type": "json_schema", "json_schema": {"name": "pattern", "strict": True, "schema": SCHEMA}}
    print("ready", flush=True)
    sys.stdin.readline()

    async def call(number: int) -> None:
        try:
            await router.acompletion(
                model=MODEL,
                messages=[{"role": "system", "content": SYSTEM}, {"role": "user", "content": user(number)}],
                response_format=form,
                max_tokens=MOST_OUTPUT_TOKENS,
            )
        except Exception as error:
            if "budget" in str(error).lower():
                raise Refused from None
            raise

    ends = await spend(call, seed=seed, tasks=tasks, at_once=at_once)
    await asyncio.sleep(2)  # its spend is counted in the background
    spent = await router.router_budget_logger.dual_cache.async_get_cache("provider_spend:openai:1d")
    tell(ends, (spent or 0.0) * 1e9)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:5]), float(sys.argv[5])))
