"""A router as the settings want it: vendors, their models, the ledger and the memory in Postgres."""

import asyncio
from collections.abc import Mapping

from routing.attempt import Made
from routing.catalog import Model
from routing.probing import probe
from routing.router import Router
from routing.vendors.base import Offered, Vendor
from service.errors import MotifError
from service.log import logger
from service.models.discovery import can_chat, catalog_of, check_named
from service.models.prices import Prices, known_prices
from service.models.vendors import Heard, ask_vendors, open_vendors
from service.settings import Settings
from service.storage.database import Database
from service.storage.experience import PostgresMemory
from service.storage.spending import PostgresLedger

ASKED_AGAIN_S = 60.0
"""How long until vendors are asked again what they have: a model installed meanwhile is found, one that came up too."""


class InstalledRouter(Router):
    """A Router that asks its vendors now and then which models they have. Close it: it holds connections and a task."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        vendors: Mapping[str, Vendor],
        prices: Prices,
        heard: dict[str, Heard],
    ) -> None:
        self._settings = settings
        self._prices = prices
        self._own_vendors = vendors
        self._heard = heard
        self._ledger = PostgresLedger(database)
        super().__init__(
            catalog_of(settings, heard, prices),
            vendors,
            self._ledger,
            PostgresMemory(database),
            timeout_s=settings.model_timeout_s,
            noticed=lambda event, facts: logger().warning(event, **facts),
        )
        self._asking = asyncio.create_task(self._ask_again(), name="motif-model-discovery")

    async def refresh(self) -> None:
        """Ask every vendor again. One that does not answer keeps the models that it had: it may be back in a moment."""
        for vendor, heard in (await ask_vendors(self._own_vendors)).items():
            if heard.error is None or not self._heard[vendor].offered:
                self._heard[vendor] = heard
        self.use(catalog_of(self._settings, self._heard, self._prices))

    async def probe(self, model: Model, *, timeout_s: float) -> Made:
        """One tiny question to a model, as routing.probing.probe does it."""
        offered = next(
            (one for one in self._heard[model.vendor].offered if one.name == model.name), Offered(model.name)
        )
        vendor, wait_s = self._own_vendors[model.vendor], min(timeout_s, self._settings.model_timeout_s)
        return await probe(model, vendor, self._attempts, embeds=not can_chat(offered), timeout_s=wait_s)

    @property
    def heard(self) -> Mapping[str, Heard]:
        """What each vendor said when it was asked last."""
        return self._heard

    async def close(self) -> None:
        """Write down what is still to be written, then let the vendors go."""
        self._asking.cancel()
        await asyncio.gather(self._asking, return_exceptions=True)
        await super().close()
        await self._ledger.close()

    async def _ask_again(self) -> None:
        while True:
            await asyncio.sleep(ASKED_AGAIN_S)
            try:
                await self.refresh()
            except Exception as error:
                logger().warning("models not discovered", exc_info=error)


async def open_router(settings: Settings, database: Database) -> InstalledRouter:
    """Open it; takes about two seconds where a vendor is down or slow, which is no error.

    Raises ConfigurationError for prices or addresses that cannot be used, and for a model that the settings name and
    that its vendor says it does not have.
    """
    prices = await asyncio.to_thread(known_prices, settings)
    vendors = await asyncio.to_thread(open_vendors, settings)
    try:
        heard = await ask_vendors(vendors)
        for vendor, one in heard.items():
            if one.error is not None:
                logger().warning("vendor does not answer", vendor=vendor, code=one.error.code)
        check_named(settings, heard)
        return InstalledRouter(settings, database, vendors, prices, heard)
    except MotifError:
        for vendor in vendors.values():
            await vendor.close()
        raise
