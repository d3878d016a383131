"""Subscriptions in the ledger: who gets what, and what the config, the people and the platform each decide of it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from bot.model.document import Layout
from bot.model.subscription import Choices, Origin, Subscription, SubscriptionState, Target
from bot.storage.records import DeliveryState
from tests.delivery.ledger_kit import (
    DISCORD,
    MONDAY,
    TELEGRAM,
    due,
    failed,
    push,
    pushed_to,
    rendering,
    subscribe,
    subscription,
    telegram,
)

if TYPE_CHECKING:
    from bot.storage.ledger import Ledger

ACTIVE, PAUSED, ENDED = SubscriptionState
CHANNEL = telegram("@example", 7)


def declaration(target: Target, *topics: str, schedule: str = "monday") -> Subscription:
    """A channel as the config declares it."""
    return dataclasses.replace(subscription(target, *topics, schedule=schedule), origin=Origin.CONFIG)


async def states(ledger: Ledger) -> dict[str, tuple[SubscriptionState, str]]:
    """The state of every subscription, and why."""
    return {str(known.target): (known.state, known.reason) for known in await ledger.subscriptions.all()}


async def waiting(ledger: Ledger) -> list[str]:
    """The chats for which a Telegram message is pending."""
    return [delivery.target.chat for delivery in await due(ledger)]


async def test_a_subscription_comes_back_as_it_was_saved(ledger: Ledger) -> None:
    """Every choice is kept; topics in their order, which is alphabetical."""
    choices = Choices(("ai", "tiktok"), Layout.SEGMENTS, silent=True, publish=True)
    saved = Subscription(CHANNEL, "monday", choices, Origin.CONFIG, PAUSED, "no rights")
    await ledger.subscriptions.save(saved)
    assert await ledger.subscriptions.all() == [saved]
    assert await ledger.subscriptions.of(CHANNEL) == [saved]


async def test_saving_again_changes_the_one_there_is(ledger: Ledger) -> None:
    """A target has one subscription per schedule: the last one saved."""
    await ledger.subscriptions.save(subscription(CHANNEL, "ai"))
    await ledger.subscriptions.save(subscription(CHANNEL, "tiktok"))
    await ledger.subscriptions.save(subscription(CHANNEL, schedule="friday"))
    assert await ledger.subscriptions.of(CHANNEL) == [
        subscription(CHANNEL, schedule="friday"),
        subscription(CHANNEL, "tiktok"),
    ]


async def test_a_private_chat_stays_known_as_one(ledger: Ledger) -> None:
    """The admin's command line and the config do not know what the platform told, and change nothing of it."""
    await ledger.subscriptions.save(dataclasses.replace(subscription(CHANNEL), is_private=True))
    await ledger.subscriptions.save(subscription(CHANNEL, "ai"))
    assert await ledger.subscriptions.of(CHANNEL) == [dataclasses.replace(subscription(CHANNEL, "ai"), is_private=True)]
    assert [choice.is_private for choice in await ledger.choices("monday")] == [True]


async def test_a_target_is_platform_chat_and_thread(ledger: Ledger) -> None:
    """A topic of a forum, and the same number on another platform, are other targets."""
    others = [telegram(1), telegram(1, 5), Target(DISCORD, "1")]
    await subscribe(ledger, *others)
    for target in others:
        assert await ledger.subscriptions.of(target) == [subscription(target)]


async def test_ended_subscriptions_are_only_seen_in_all(ledger: Ledger) -> None:
    """Who left is remembered with the reason, but has no subscription."""
    await subscribe(ledger, CHANNEL)
    assert await ledger.subscriptions.end(CHANNEL, "unsubscribed") is True
    assert await ledger.subscriptions.of(CHANNEL) == []
    assert await states(ledger) == {"telegram:@example:7": (ENDED, "unsubscribed")}


async def test_ending_twice_keeps_the_first_reason(ledger: Ledger) -> None:
    """There is nothing to end in a target that never subscribed or has left."""
    await subscribe(ledger, CHANNEL)
    await ledger.subscriptions.end(CHANNEL, "unsubscribed")
    assert await ledger.subscriptions.end(CHANNEL, "blocked") is False
    assert await ledger.subscriptions.end(telegram(99), "blocked") is False
    assert await states(ledger) == {"telegram:@example:7": (ENDED, "unsubscribed")}


async def test_a_way_out_works_at_once(ledger: Ledger) -> None:
    """Who unsubscribes while a push is going on gets nothing more of it; what the admin sent to them alone stays."""
    await pushed_to(ledger, telegram(1), telegram(2))
    await ledger.create_single(episode=1207, title="", target=telegram(1), rendering=rendering("À toi"))
    await ledger.subscriptions.end(telegram(1), "unsubscribed")
    assert sorted(await waiting(ledger)) == ["1", "2"]
    assert (await ledger.tally(1))[DeliveryState.FAILED] == 1
    assert await ledger.failures(1) == [], "nobody failed them"


async def test_a_message_on_its_way_is_left_to_its_sender(ledger: Ledger) -> None:
    """Ending a subscription does not take a delivery out of the hands of whoever is sending it."""
    (delivery,) = await pushed_to(ledger, telegram(1))
    await ledger.claim(TELEGRAM, 1)
    await ledger.subscriptions.end(telegram(1), "unsubscribed")
    assert (await ledger.tally(delivery.broadcast_id))[DeliveryState.SENDING] == 1


async def test_pausing_and_resuming(ledger: Ledger) -> None:
    """A pause keeps the choices and its reason, takes the target out of the next push, and ends when resumed."""
    await ledger.subscriptions.save(subscription(CHANNEL, "ai"))
    assert await ledger.subscriptions.pause(CHANNEL, "no rights") is True
    assert await ledger.subscriptions.pause(CHANNEL, "still none") is False
    assert await states(ledger) == {"telegram:@example:7": (PAUSED, "no rights")}
    assert await ledger.subscriptions.count("monday") == 0
    assert await ledger.subscriptions.resume(CHANNEL) is True
    assert await ledger.subscriptions.of(CHANNEL) == [subscription(CHANNEL, "ai")]


async def test_resuming_brings_nobody_back_who_left(ledger: Ledger) -> None:
    """An ended subscription is not resumed, nor paused."""
    await subscribe(ledger, CHANNEL)
    await ledger.subscriptions.end(CHANNEL, "unsubscribed")
    assert await ledger.subscriptions.resume(CHANNEL) is False
    assert await ledger.subscriptions.pause(CHANNEL, "no rights") is False
    assert await states(ledger) == {"telegram:@example:7": (ENDED, "unsubscribed")}


async def test_counting(ledger: Ledger) -> None:
    """The count is of those who get the next push of the schedule."""
    await subscribe(ledger, telegram(1), telegram(2), telegram(3))
    await ledger.subscriptions.save(subscription(telegram(1), schedule="friday"))
    await ledger.subscriptions.end(telegram(2), "unsubscribed")
    assert await ledger.subscriptions.count("monday") == 2


# A chat that moves: every group that Telegram makes a supergroup gets a new id.


async def test_a_moved_chat_keeps_its_subscriptions_in_every_thread(ledger: Ledger) -> None:
    """All threads of the chat follow it, with their choices and states; other chats stay."""
    await ledger.subscriptions.save(subscription(telegram(-1), "ai"))
    await ledger.subscriptions.save(subscription(telegram(-1, 7), "tiktok"))
    await subscribe(ledger, Target(DISCORD, "-1"), telegram(-11), telegram(-100, 9))
    await ledger.subscriptions.end(telegram(-1, 7), "unsubscribed")
    await ledger.subscriptions.move(telegram(-1), "-100")
    assert await ledger.subscriptions.of(telegram(-100)) == [subscription(telegram(-100), "ai")]
    assert await states(ledger) == {
        "discord:-1": (ACTIVE, ""),
        "telegram:-11": (ACTIVE, ""),
        "telegram:-100": (ACTIVE, ""),
        "telegram:-100:7": (ENDED, "unsubscribed"),
        "telegram:-100:9": (ACTIVE, ""),
    }


async def test_a_moved_chat_gets_its_push_at_the_new_id(ledger: Ledger) -> None:
    """Deliveries that are not finished go to the new id, also the one that found out."""
    found_out, other = await pushed_to(ledger, telegram(-1), telegram(-1, 7))
    await ledger.claim(TELEGRAM, 1)
    await ledger.subscriptions.move(telegram(-1), "-100")
    await ledger.recover(TELEGRAM, hold=False)
    targets = {delivery.id: delivery.target for delivery in await due(ledger)}
    moved = {each.id: telegram(-100, each.target.thread) for each in (found_out, other)}
    assert targets == moved


async def test_what_was_delivered_to_the_old_id_stays_written_so(ledger: Ledger) -> None:
    """A move rewrites no history."""
    (delivery,) = await pushed_to(ledger, telegram(-1))
    await ledger.record([failed(delivery, "closed", "no rights")])
    await ledger.subscriptions.move(telegram(-1), "-100")
    assert [failure.target for failure in await ledger.failures(delivery.broadcast_id)] == [telegram(-1)]


async def test_a_chat_under_both_ids_gets_one_push(ledger: Ledger) -> None:
    """Where the new id is subscribed too, its subscription and its delivery stay, and the old id's go."""
    await ledger.subscriptions.save(subscription(telegram(-1), "ai"))
    await ledger.subscriptions.save(subscription(telegram(-100), "tiktok"))
    await push(ledger)
    await ledger.subscriptions.move(telegram(-1), "-100")
    assert await ledger.subscriptions.all() == [subscription(telegram(-100), "tiktok")]
    assert await waiting(ledger) == ["-100"]
    await ledger.subscriptions.end(telegram(-100), "unsubscribed")
    assert await waiting(ledger) == []


async def test_a_way_out_works_after_a_merge(ledger: Ledger) -> None:
    """A delivery that was made for the old id belongs to the subscription that stays."""
    await subscribe(ledger, telegram(-1))
    await push(ledger)
    await ledger.subscriptions.save(subscription(telegram(-100), "tiktok"))
    await ledger.subscriptions.move(telegram(-1), "-100")
    assert await waiting(ledger) == ["-100"]
    await ledger.subscriptions.end(telegram(-100), "unsubscribed")
    assert await waiting(ledger) == []


async def test_moving_to_the_same_id_changes_nothing(ledger: Ledger) -> None:
    """A platform that reports a move to where the chat is does no harm."""
    await pushed_to(ledger, telegram(-1))
    await ledger.subscriptions.move(telegram(-1), "-1")
    assert await ledger.subscriptions.all() == [subscription(telegram(-1))]
    assert await waiting(ledger) == ["-1"]


# What the config declares.


async def test_declared_channels_are_subscribed(ledger: Ledger) -> None:
    """A new declaration adds an active subscription that belongs to the config."""
    await ledger.subscriptions.declare([declaration(CHANNEL, "ai")])
    assert await ledger.subscriptions.all() == [declaration(CHANNEL, "ai")]


async def test_declaring_takes_over_a_subscription_by_command(ledger: Ledger) -> None:
    """Where a chat had subscribed, or left, by itself, the admin's new declaration has the last word."""
    await ledger.subscriptions.save(subscription(CHANNEL, "tiktok"))
    await ledger.subscriptions.end(CHANNEL, "unsubscribed")
    await ledger.subscriptions.declare([declaration(CHANNEL, "ai")])
    assert await ledger.subscriptions.all() == [declaration(CHANNEL, "ai")]


async def test_a_changed_declaration_changes_the_subscription(ledger: Ledger) -> None:
    """New choices in the config are taken over, and what was paused or ended gets pushes again."""
    await ledger.subscriptions.declare([declaration(CHANNEL), declaration(telegram(2))])
    await ledger.subscriptions.end(CHANNEL, "unsubscribed")
    await ledger.subscriptions.pause(telegram(2), "no rights")
    changed = [declaration(telegram(2), "ai"), declaration(CHANNEL, "ai")]
    await ledger.subscriptions.declare(changed)
    assert await ledger.subscriptions.all() == changed


@pytest.mark.parametrize(
    "change", [{"layout": Layout.SEGMENTS}, {"silent": True}, {"publish": True}, {"rich": True}, {"topics": ("x",)}]
)
async def test_every_choice_counts_as_a_change(ledger: Ledger, change: dict[str, object]) -> None:
    """Layout, silence, publishing, the kind of message and topics are all part of the declaration."""
    await ledger.subscriptions.declare([declaration(CHANNEL)])
    other = dataclasses.replace(declaration(CHANNEL), choices=Choices(**change))  # type: ignore[arg-type] # its fields
    await ledger.subscriptions.declare([other])
    assert await ledger.subscriptions.all() == [other]


async def test_who_left_a_declared_channel_stays_gone_after_a_restart(ledger: Ledger) -> None:
    """Declaring the same again subscribes nobody back who left, and resumes no pause."""
    declared = [declaration(CHANNEL, "ai", "tiktok"), declaration(telegram(2))]
    await ledger.subscriptions.declare(declared)
    await ledger.subscriptions.end(CHANNEL, "kicked")
    await ledger.subscriptions.pause(telegram(2), "no rights")
    await ledger.subscriptions.declare([declared[1], declaration(CHANNEL, "tiktok", "ai")])
    assert await states(ledger) == {"telegram:@example:7": (ENDED, "kicked"), "telegram:2": (PAUSED, "no rights")}


async def test_choices_made_in_a_declared_channel_survive_a_restart(ledger: Ledger) -> None:
    """What the channel's own admins chose by command holds until the config says something new."""
    await ledger.subscriptions.declare([declaration(CHANNEL)])
    await ledger.subscriptions.save(subscription(CHANNEL, "tiktok"))
    await ledger.subscriptions.declare([declaration(CHANNEL)])
    assert await ledger.subscriptions.all() == [subscription(CHANNEL, "tiktok")]


async def test_taking_a_declaration_out_and_in_again_brings_it_back(ledger: Ledger) -> None:
    """A declaration that was absent for one start is new again, even for a channel that had left."""
    await ledger.subscriptions.declare([declaration(CHANNEL)])
    await ledger.subscriptions.end(CHANNEL, "kicked")
    await ledger.subscriptions.declare([])
    assert await states(ledger) == {"telegram:@example:7": (ENDED, "kicked")}
    await ledger.subscriptions.declare([declaration(CHANNEL)])
    assert await ledger.subscriptions.all() == [declaration(CHANNEL)]


async def test_a_channel_declared_no_more_is_ended(ledger: Ledger) -> None:
    """Its subscription ends on that schedule, and its pending delivery with it; the others stay."""
    kept, dropped = declaration(CHANNEL), declaration(CHANNEL, schedule="friday")
    await ledger.subscriptions.declare([kept, dropped, declaration(telegram(2))])
    await push(ledger)
    await ledger.subscriptions.declare([kept])
    assert await ledger.subscriptions.of(CHANNEL) == [kept]
    assert (await states(ledger))["telegram:2"] == (ENDED, "no longer in the config")
    assert await waiting(ledger) == ["@example"]


async def test_a_subscription_made_ones_own_outlives_its_declaration(ledger: Ledger) -> None:
    """Who subscribed by command in a declared channel stays subscribed when the config drops it."""
    await ledger.subscriptions.declare([declaration(CHANNEL)])
    await ledger.subscriptions.save(subscription(CHANNEL, "tiktok"))
    await ledger.subscriptions.declare([])
    assert await ledger.subscriptions.all() == [subscription(CHANNEL, "tiktok")]


async def test_the_config_leaves_other_peoples_subscriptions_alone(ledger: Ledger) -> None:
    """What was never declared is none of the config's business."""
    await subscribe(ledger, telegram(1), telegram(2))
    await ledger.subscriptions.declare([declaration(CHANNEL)])
    await ledger.subscriptions.declare([])
    assert await ledger.subscriptions.count("monday") == 2


async def test_a_declaration_by_the_old_id_means_the_chat_where_it_moved(ledger: Ledger) -> None:
    """The config may go on naming a chat's old id: it is neither subscribed twice nor ended, however often it moves."""
    await ledger.subscriptions.declare([declaration(telegram(-1))])
    await ledger.subscriptions.move(telegram(-1), "-100")
    await ledger.subscriptions.move(telegram(-100), "-200")
    await ledger.subscriptions.declare([declaration(telegram(-1))])
    assert await ledger.subscriptions.all() == [declaration(telegram(-200))]
    await ledger.subscriptions.declare([declaration(telegram(-1), "ai")])
    assert await ledger.subscriptions.all() == [declaration(telegram(-200), "ai")]
    await ledger.subscriptions.declare([declaration(telegram(-200), "ai")])
    assert await ledger.subscriptions.all() == [declaration(telegram(-200), "ai")]


async def test_a_declared_chat_that_merged_is_still_declared(ledger: Ledger) -> None:
    """The subscription at the new id, ended by its people, is not taken for a new declaration after a restart."""
    await ledger.subscriptions.declare([declaration(telegram(-1))])
    await subscribe(ledger, telegram(-100))
    await ledger.subscriptions.end(telegram(-100), "unsubscribed")
    await ledger.subscriptions.move(telegram(-1), "-100")
    await ledger.subscriptions.declare([declaration(telegram(-1))])
    assert await states(ledger) == {"telegram:-100": (ENDED, "unsubscribed")}


async def test_a_chat_may_move_back(ledger: Ledger) -> None:
    """Moves never lead round in a circle."""
    await ledger.subscriptions.declare([declaration(telegram(-1))])
    await ledger.subscriptions.move(telegram(-1), "-100")
    await ledger.subscriptions.move(telegram(-100), "-1")
    await ledger.subscriptions.declare([declaration(telegram(-1))])
    assert await ledger.subscriptions.all() == [declaration(telegram(-1))]


async def test_a_broadcast_goes_to_whom_the_config_declares(ledger: Ledger) -> None:
    """A declared channel gets the push, with its wish to be published."""
    publishing = dataclasses.replace(declaration(Target(DISCORD, "5")), choices=Choices(publish=True))
    await ledger.subscriptions.declare([publishing])
    await push(ledger)
    (delivery,) = await due(ledger, DISCORD)
    assert (delivery.target, delivery.publish, delivery.due) == (Target(DISCORD, "5"), True, MONDAY)
