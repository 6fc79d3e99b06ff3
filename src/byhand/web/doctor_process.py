"""The doctor in a process of its own, for the Train page: examines one training as the page would train it, and ends.

`python -m byhand.web.doctor_process` reads one command, a line of JSON, on its standard input, and writes one message a line on
its standard output: the name of each probe as it begins, then the report, or the one line that says why there is none. It ends
with its input, so it never outlives the server.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from typing import Any

from byhand.errors import ByhandError
from byhand.see.doctor import Patient, examine
from byhand.training.recipes import Recipe, read
from byhand.training.run import begin, build, load_splits
from byhand.web.encoding import as_json, fault, sentence
from byhand.web.train_process import with_validation
from byhand.web.train_settings import check_pair, checked_size, least_size


def patient(recipe: Recipe) -> Patient:
    """The training that the page would begin, before its first step."""
    splits = with_validation(load_splits(recipe), recipe.seed)
    check_pair(recipe, splits.train.inputs.shape[1:])
    checked_size(least_size(recipe, splits.train.flat.shape[1], splits.train.n_classes))
    network = build(recipe, splits)
    checked_size(network.parameters.size)
    return Patient(begin(recipe, network, splits), splits.validation, splits.test, recipe.name)


def main() -> None:
    """Examine what the standard input asks for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends this process
    speaking = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever prints must not be taken for a message

    def tell(message: dict[str, Any]) -> None:
        try:
            speaking.write(as_json(message) + "\n")
            speaking.flush()
        except OSError:
            os._exit(0)

    def wait_for_the_end() -> None:
        sys.stdin.read()
        os._exit(0)  # even out of a long probe: nobody is left to hear of it

    command = json.loads(sys.stdin.readline())
    threading.Thread(target=wait_for_the_end, daemon=True).start()
    try:
        recipe = read(command["recipe"])
        report = examine(patient(recipe), lambda probe: tell({"probe": probe}))
        tell({"report": report.to_dict()})
    except ByhandError as error:
        tell({"problem": sentence(error)})
    except MemoryError:
        tell({"problem": "There is not enough memory for this: choose smaller layers or less data."})
    except Exception as error:
        tell({"problem": fault("the doctor could not examine this training", error)})
    speaking.flush()
    os._exit(0)  # at once, whatever the thread that listens is at


if __name__ == "__main__":
    main()
