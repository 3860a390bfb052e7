import dataclasses
from typing import Optional, Tuple

import pytest

from model_core.contract.errors import UsageError
from model_core.contract.fields import from_dict, param, to_dict
from model_core.contract.stages import STAGES


@dataclasses.dataclass(frozen=True)
class Example:
    size: int = param(label="Size", help="A size.", minimum=1, maximum=10)
    share: float = param(0.5, label="Share", help="A share.", minimum=0, maximum=1)
    names: Tuple[str, ...] = param((), label="Names", help="Names.", choices=("a", "b"))
    limit: Optional[int] = param(None, label="Limit", help="A limit.", minimum=0)
    fast: bool = param(False, label="Fast", help="Faster.")


def test_values_survive_the_way_to_json_and_back():
    example = from_dict(Example, {"size": 3, "names": ["a"], "share": 1})
    assert example == Example(3, 1.0, ("a",))
    assert from_dict(Example, to_dict(example)) == example


@pytest.mark.parametrize(("values", "code"), [
    ({"size": 3, "colour": 1}, "params.unknown"),
    ({}, "params.missing"),
    ({"size": 11}, "params.outside-limits"),
    ({"size": 0}, "params.outside-limits"),
    ({"size": 3, "share": float("nan")}, "params.outside-limits"),
    ({"size": 3, "names": ["c"]}, "params.outside-limits"),
    ({"size": "3"}, "params.wrong-type"),
    ({"size": True}, "params.wrong-type"),
    ({"size": 3.5}, "params.wrong-type"),
    ({"size": 3, "names": "a"}, "params.wrong-type"),
    ({"size": None}, "params.wrong-type"),
    ({"size": 3, "fast": 1}, "params.wrong-type"),
])
def test_bad_values_are_refused_by_name(values, code):
    with pytest.raises(UsageError) as caught:
        from_dict(Example, values)
    assert caught.value.code == code
    assert caught.value.hint


def test_not_given_stays_none():
    assert from_dict(Example, {"size": 1, "limit": None}).limit is None


@pytest.mark.parametrize("stage", STAGES.values(), ids=lambda s: s.name)
def test_every_parameter_of_every_stage_explains_itself(stage):
    for field in dataclasses.fields(stage.params_class()):
        assert field.metadata["label"], field.name
        assert field.metadata["help"].endswith("."), field.name
        default, choices = field.default, field.metadata["choices"]
        if choices and default not in (None, ()):
            assert set(default if isinstance(default, tuple) else (default,)) <= set(choices), field.name
