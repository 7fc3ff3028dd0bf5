"""The weights by which this installation tells how hard a task is."""

from routing.complexity import Weights, load_weights
from routing.errors import CatalogInvalid
from service.errors import ConfigurationError
from service.settings import Settings


def weights_of(settings: Settings) -> Weights:
    """Those of MOTIF_ROUTER_FILE, else the built-in ones; raises ConfigurationError for a file that cannot be used."""
    try:
        return load_weights(settings.router_file)
    except CatalogInvalid as error:
        raise ConfigurationError(f"MOTIF_ROUTER_FILE cannot be used: {error.message}") from None
