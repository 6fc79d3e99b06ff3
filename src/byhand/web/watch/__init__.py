"""`byhand.watch`: somebody's own training loop, live in a page."""

from __future__ import annotations

from byhand.web.watch.watcher import Watcher, watch

__all__ = ["Watcher", "watch"]
