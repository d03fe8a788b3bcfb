"""The queue of events, shared fairly among visitors: Gradio's own knows only the order in which events came."""

from __future__ import annotations

import random

from gradio.queueing import Event, EventQueue, Queue


class VisitorQueue(Queue):
    """Gradio's queue, where visitors take turns and each of them has one event of a group running at a time.

    Groups are those of Gradio, `concurrency_id`; one without a limit is left as it is. `for_all` names the endpoints
    that many callers use under one session, to which none of this applies.
    """

    for_all: frozenset[str] = frozenset()

    def get_events(self) -> tuple[list[Event], bool, str] | None:
        """The next event to run, whether it is a batch, and its group; None while there is none."""
        running = {(event.session_hash, event.concurrency_id) for job in self.active_jobs if job for event in job}
        groups = list(self.event_queue_per_concurrency_id.items())
        random.shuffle(groups)
        for name, group in groups:
            if group.concurrency_limit is not None and group.current_concurrency >= group.concurrency_limit:
                continue
            for event in group.queue:
                if self._is_for_all(event) or group.concurrency_limit is None:
                    break
                if (event.session_hash, name) not in running:
                    break
            else:
                continue
            _let_in(event, group)
            return [event], False, name
        return None

    def _is_for_all(self, event: Event) -> bool:
        return event.fn.api_name in self.for_all


def _let_in(event: Event, group: EventQueue) -> None:
    """Take an event out of the line; whatever else its visitor waits for lines up behind all others."""
    group.queue.remove(event)
    group.queue.sort(key=lambda other: other.session_hash == event.session_hash)
