"""The queue of events, shared fairly among visitors: Gradio's own knows only the order in which events came."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

from gradio.data_classes import PredictBodyInternal
from gradio.queueing import Event, EventQueue, Queue
from gradio.server_messages import EventMessage, ProcessCompletedMessage
from gradio.utils import LRUCache, run_coro_in_background

SWEEP_SECONDS = 30
UNREAD_SECONDS = 120  # seconds until an answer that nobody has fetched is dropped
FULL = "Too many are waiting already; try again in a few seconds."


class VisitorQueue(Queue):
    """Gradio's queue, where visitors take turns and each of them has one event of a group running at a time.

    Groups are those of Gradio, `concurrency_id`; one without a limit is left as it is. `session_events` is how many
    events of a session may wait, run, or be answered and not yet fetched; with `session_unread` answers to fetch, no
    other of its events is begun. Of all sessions together `unread_answers` are kept, those that came last. `for_all`
    names the endpoints that many callers use under one session, to which none of this applies but the last.
    """

    session_events = 8
    session_unread = 3
    unread_answers = 100
    for_all: frozenset[str] = frozenset()

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.pending_messages_per_session = _Mailboxes(2000)
        self.pending_event_ids_session = _EventIds()

    def start(self) -> None:
        """Start running events, and forgetting sessions that fetch nothing."""
        super().start()
        run_coro_in_background(self._sweep_forever)

    async def push(self, body: PredictBodyInternal, *arguments: Any, **named: Any) -> tuple[bool, Any, Any]:
        """Let an event join; whether it has, its id or a sentence that says why not, and Gradio's word for that."""
        fn = self.blocks.fns.get(body.fn_index)
        if fn is None:
            return False, "There is no such event; reload the page.", "error"
        if self.max_size is not None and len(self) >= self.max_size:
            return False, FULL, "queue_full"
        if fn.api_name not in self.for_all and self._open_events(body.session_hash) >= self.session_events:
            text = f"{self.session_events} of your requests are under way; wait for their answers, then ask again."
            return False, text, "error"
        return await super().push(body, *arguments, **named)

    def send_message(self, event: Event, event_message: EventMessage) -> None:
        """Put a message into the mailbox of the event's session, if that is still there."""
        mailboxes = self.pending_messages_per_session
        if event.session_hash not in mailboxes:
            return
        super().send_message(event, event_message)
        while sum(len(mailbox.answered) for mailbox in mailboxes.values()) > self.unread_answers:
            unread = [session for session, mailbox in mailboxes.items() if mailbox.answered]
            self.forget(min(unread, key=lambda session: mailboxes[session].unread_since))

    def forget(self, session: str) -> None:
        """End what a session has under way, and drop the answers that it has not fetched.

        An event that is called when a visitor leaves is answered all the same.
        """
        running = [event for job in self.active_jobs if job for event in job if event.session_hash == session]
        leaving = {event._id for event in running if any(trigger == "unload" for _, trigger in event.fn.targets)}
        for event in running:
            event.alive = event.alive and event._id in leaving
        for group in self.event_queue_per_concurrency_id.values():
            for event in [event for event in group.queue if event.session_hash == session]:
                group.queue.remove(event)
                self.event_ids_to_events.pop(event._id, None)
        mailbox = self.pending_messages_per_session.get(session)
        while mailbox is not None and not mailbox.empty():
            mailbox.get_nowait()
        if leaving:
            self.pending_event_ids_session[session] = leaving
        else:
            self._drop(session)

    def sweep(self) -> None:
        """Forget the sessions that have fetched nothing for long, and drop what is left of those that are through."""
        oldest = time.monotonic() - UNREAD_SECONDS
        for session, mailbox in list(self.pending_messages_per_session.items()):
            if not mailbox.empty() and mailbox.unread_since < oldest:
                self.forget(session)
        for session in {*self.pending_messages_per_session, *self.pending_event_ids_session}:
            mailbox = self.pending_messages_per_session.get(session)
            if (mailbox is None or mailbox.empty()) and not self._open_events(session):
                self._drop(session)

    async def _sweep_forever(self) -> None:
        while not self.stopped:
            await asyncio.sleep(SWEEP_SECONDS)
            self.sweep()

    def _drop(self, session: str) -> None:
        self.pending_messages_per_session.pop(session, None)
        self.pending_event_ids_session.pop(session, None)

    def compute_analytics_summary(self, records: Any) -> dict[str, Any]:  # noqa: ARG002
        """Return nothing: Gradio would go through ten thousand events after each one, for a page that is closed."""
        return {}

    def _open_events(self, session: str | None) -> int:
        mailbox = self.pending_messages_per_session.get(session)
        answered = mailbox.answered if mailbox is not None else set()
        events = [self.event_ids_to_events.get(id) for id in self.pending_event_ids_session.get(session, ())]
        return len(answered | {event._id for event in events if event is not None and event.alive})

    def get_events(self) -> tuple[list[Event], bool, str] | None:
        """Return the next event to run, whether it is a batch, and its group; None while there is none."""
        running = {(event.session_hash, event.concurrency_id) for job in self.active_jobs if job for event in job}
        groups = list(self.event_queue_per_concurrency_id.items())
        random.shuffle(groups)
        for name, group in groups:
            if group.concurrency_limit is not None and group.current_concurrency >= group.concurrency_limit:
                continue
            for event in group.queue:
                if event.fn.api_name in self.for_all or not (
                    self._is_unread(event) or (group.concurrency_limit and (event.session_hash, name) in running)
                ):
                    _let_in(event, group)
                    return [event], False, name
        return None

    def _is_unread(self, event: Event) -> bool:
        mailbox = self.pending_messages_per_session.get(event.session_hash)
        return mailbox is not None and len(mailbox.answered) >= self.session_unread


def _let_in(event: Event, group: EventQueue) -> None:
    """Take an event out of the line; whatever else its visitor waits for lines up behind all others."""
    group.queue.remove(event)
    group.queue.sort(key=lambda other: other.session_hash == event.session_hash)


class Mailbox(asyncio.Queue):
    """The messages that a session has not fetched; `answered` has the events of which the last one is among them.

    `unread_since` is when the first of them came, or the one before them was fetched.
    """

    def _init(self, maxsize: int) -> None:
        super()._init(maxsize)
        self.answered: set[str | None] = set()
        self.unread_since = time.monotonic()

    def _put(self, message: EventMessage) -> None:
        if isinstance(message, ProcessCompletedMessage) and message.event_id in self.answered:
            return  # each call of Gradio's `cancel` would end an event once more
        if self.empty():
            self.unread_since = time.monotonic()
        super()._put(message)
        if isinstance(message, ProcessCompletedMessage):
            self.answered.add(message.event_id)

    def _get(self) -> EventMessage:
        message = super()._get()
        self.unread_since = time.monotonic()
        if isinstance(message, ProcessCompletedMessage):
            self.answered.discard(message.event_id)
        return message


class _Mailboxes(LRUCache):
    """Mailboxes where Gradio puts plain queues; one may be deleted twice.

    Gradio deletes that of a client that is gone, who may have been forgotten before.
    """

    def __setitem__(self, session: str, queue: asyncio.Queue) -> None:
        super().__setitem__(session, Mailbox())

    def __delitem__(self, session: str) -> None:
        if session in self:
            super().__delitem__(session)


class _EventIds(dict[str, set[str]]):
    """The events of each session that are not answered; of a session that was forgotten, none.

    Gradio looks once more after it has sent the last answer, which may take its client longer than the next sweep.
    """

    def __missing__(self, session: str) -> set[str]:
        return set()
