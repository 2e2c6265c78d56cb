"""Every method is offered by its family, and every family can be shown as a form."""

import inspect
import pkgutil
from importlib import import_module
from typing import Literal, get_args, get_origin

import pytest
from pydantic import TypeAdapter

import tasks.methods
from tasks.methods.method import Choice, Method

MODULES = [import_module(info.name) for info in pkgutil.walk_packages(tasks.methods.__path__, "tasks.methods.")]


def unions_of(module):
    """Return the families that a package's `__init__` offers: name and annotated union."""
    return {
        f"{module.__name__}.{name}": value
        for name, value in vars(module).items()
        if any(isinstance(mark, Choice) for mark in getattr(value, "__metadata__", ()))
    }


def members_of(union):
    return get_args(get_args(union)[0])


def home_of(method):
    """Return the module that offers a method beside others: its own, where it names the family, or its package."""
    own = import_module(method.__module__)
    return own if unions_of(own) else import_module(method.__module__.rpartition(".")[0])


FAMILIES = {
    f"{module.__name__}.{name.rpartition('.')[2]}": union
    for module in MODULES
    for name, union in unions_of(module).items()
    if module.__name__ in {home_of(member).__name__ for member in members_of(union)}
}
DEFINED = sorted(
    {
        value
        for module in MODULES
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Method) and value.__module__ == module.__name__
    },
    key=lambda cls: (cls.__module__, cls.__name__),
)
FAMILY_HOMES = {name.rsplit(".", 1)[0] for name in FAMILIES}
OFFERED = {member for union in FAMILIES.values() for member in members_of(union)}


def has_tag(cls):
    return "method" in cls.model_fields and get_origin(cls.model_fields["method"].annotation) is Literal


METHODS = [cls for cls in DEFINED if has_tag(cls)]
each_method = pytest.mark.parametrize("method", METHODS, ids=lambda cls: cls.__name__)
each_method_of_a_family = pytest.mark.parametrize(
    "method",
    [cls for cls in METHODS if home_of(cls).__name__ in FAMILY_HOMES],
    ids=lambda cls: cls.__name__,
)
each_family = pytest.mark.parametrize("family", list(FAMILIES))


def schemas_in(schema):
    """Yield a JSON schema and every part of it."""
    if isinstance(schema, dict):
        yield schema
        for part in schema.values():
            yield from schemas_in(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from schemas_in(part)


def test_the_image_families_are_found():
    names = {name.rsplit(".", 1)[1] for name in FAMILIES}
    assert names >= {"Preprocessor", "Fuser", "Segmenter", "Detector", "Filter", "Binning"}


@each_method_of_a_family
def test_a_method_is_offered_by_its_family(method):
    package = home_of(method)
    unions = [members_of(union) for union in unions_of(package).values()]
    # a family of one is no union: its package gives the method a second name
    alone = [value for name, value in vars(package).items() if value is method and name != method.__name__]
    assert alone or any(method in union for union in unions), f"Name {method.__name__} in {package.__name__}"


@pytest.mark.parametrize("method", DEFINED, ids=lambda cls: cls.__name__)
def test_a_class_without_a_tag_is_what_others_are_made_from(method):
    assert has_tag(method) or any(issubclass(other, method) for other in OFFERED)


@each_family
def test_two_methods_of_a_family_have_two_tags(family):
    tags = [member.model_fields["method"].default for member in members_of(FAMILIES[family])]
    assert len(set(tags)) == len(tags)


@each_method
def test_a_tag_is_the_only_value_of_its_field(method):
    field = method.model_fields["method"]
    assert get_args(field.annotation) == (field.default,)


@each_method
def test_every_field_has_a_help_text(method):
    silent = [name for name, field in method.model_fields.items() if name != "method" and not field.description]
    assert not silent


@each_method
def test_every_method_says_what_it_does(method):
    assert method.__doc__
    assert method.__doc__.strip().splitlines()[0].endswith((".", ":"))


@each_family
def test_the_form_of_a_family_is_a_choice_that_prefect_can_show(family):
    schema = TypeAdapter(FAMILIES[family]).json_schema()
    parts = list(schemas_in(schema))
    assert len(schema["anyOf"]) == len(members_of(FAMILIES[family]))
    assert not [part for part in parts if "oneOf" in part]
    assert not [part for part in parts if "discriminator" in part]


@each_family
def test_a_misspelt_tag_is_answered_with_the_tags_there_are(family):
    with pytest.raises(ValueError, match=members_of(FAMILIES[family])[0].model_fields["method"].default):
        TypeAdapter(FAMILIES[family]).validate_python({"method": "no_such_method"})
