"""What was promised to the outside, kept: routing, texts, channels, and the courier between outbox and channels.

sends = [send for effect in decision.effects for send in route(effect, ledger, config)]
await store.commit(decision, sends)
courier.nudge()
"""

from netwatch.deliver.channel import Channel, Message, PermanentError, TemporaryError
from netwatch.deliver.outbox import Courier, Delivery, Manner
from netwatch.deliver.route import route
from netwatch.deliver.texts import Texts

__all__ = [
    "Channel",
    "Courier",
    "Delivery",
    "Manner",
    "Message",
    "PermanentError",
    "TemporaryError",
    "Texts",
    "route",
]
