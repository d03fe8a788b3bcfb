"""The training room's command line."""

import argparse

from colpali_demo.training.__main__ import build_parser


def test_every_argument_of_every_command_says_what_it_is(capsys):
    (commands,) = [action for action in build_parser()._actions if isinstance(action, argparse._SubParsersAction)]
    arguments = [(name, action) for name, command in commands.choices.items() for action in command._actions]
    assert {"pretrain", "evaluate"} < commands.choices.keys()
    assert [(name, action.dest) for name, action in arguments if not action.help] == []
    tacit = (None, False, argparse.SUPPRESS, [])
    unnamed = [(name, a.dest) for name, a in arguments if a.default not in tacit and "(default: " not in a.help]
    assert unnamed == []
    for command in commands.choices.values():
        command.print_help()  # a stray % would raise
    shown = capsys.readouterr().out
    assert "--pages PAGES" in shown
    assert "(default: 40000)" in shown
