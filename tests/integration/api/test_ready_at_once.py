"""Anybody may ask whether the service is ready; it does not cost the others their connections."""

import asyncio

import psycopg
from in_process import client_without_token
from psycopg import sql

from service.settings import Settings

FEW = 4


async def test_many_who_ask_at_once_share_a_look(own_settings: Settings, database_url: str, database_name: str):
    async with client_without_token(own_settings) as client:
        with psycopg.connect(database_url, autocommit=True) as admin:
            admin.execute(sql.SQL("alter database {} connection limit {}").format(sql.Identifier(database_name), FEW))
        answers = await asyncio.gather(*(client.get("/health/ready") for _ in range(40)))
        later = await client.get("/health/ready")
    assert [answer.status_code for answer in (*answers, later)] == [200] * 41
