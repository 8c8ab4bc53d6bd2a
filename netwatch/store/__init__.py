"""The store: rows answer "now", the journal answers "why", the outbox is what was promised. No SQL outside.

store = await Store.open(url)             # takes the one-thinker lock, migrates
recall = await store.recall()             # last snapshot, and the facts committed since
await store.commit(decision, sends)       # all of it or nothing
for send in await store.pending(now): ...
await store.settle(send, Settled(), now)
tickets = await store.history.rows(Ticket, where={"state": "dispatched"})
"""

from netwatch.store.admin import backup, upgrade, version
from netwatch.store.errors import StoreError, ThinkerRunningError, Trouble
from netwatch.store.history import History, Told
from netwatch.store.restore import Restored, restore
from netwatch.store.store import Recall, Store

__all__ = [
    "History",
    "Recall",
    "Restored",
    "Store",
    "StoreError",
    "ThinkerRunningError",
    "Told",
    "Trouble",
    "backup",
    "restore",
    "upgrade",
    "version",
]
