"""The page of the API escapes what it shows and needs nothing from anywhere."""

import re

from service.api.docs_page import page

SCHEMA = {
    "openapi": "3.1.0",
    "info": {"title": "<script>", "version": "1", "description": "a & b"},
    "paths": {
        "/things/{id}": {
            "get": {
                "summary": "Get <one>",
                "parameters": [{"name": "id", "in": "path", "schema": {"type": "string"}, "description": "`id` <x>"}],
                "responses": {"200": {"description": "<b>", "content": {"a/b": {"schema": {"$ref": "#/s/Thing"}}}}},
            }
        }
    },
    "components": {
        "schemas": {
            "Colour": {"enum": ["red", "blue"]},
            "Thing": {
                "description": "A `thing`.",
                "required": ["sizes"],
                "properties": {
                    "sizes": {"type": "array", "maxItems": 3, "items": {"type": "integer", "minimum": 0}},
                    "name": {"anyOf": [{"type": "string", "maxLength": 9}, {"type": "null"}], "default": None},
                    "kind": {"enum": ["a", "<b>"], "default": "a"},
                    "rest": {"type": "object", "additionalProperties": {}},
                },
            },
        }
    },
}


def test_what_the_schema_says_is_escaped():
    html = page(SCHEMA, '"><script>alert(1)</script>')
    assert "<script" not in html
    assert "Get &lt;one&gt;" in html


def test_shapes_show_their_types_and_bounds():
    html = page(SCHEMA, "localhost")
    for words in (
        '<a href="#Thing">Thing</a>',
        "list of integer",
        "items ≤ 3, each: ≥ 0",
        "string or null <span class=quiet>optional</span>",
        "characters ≤ 9",
        "default <code>&quot;a&quot;</code>",
        "map of any",
        '<h3 id="Colour">Colour</h3><p><code>red</code> or <code>blue</code></p>',
    ):
        assert words in html


def test_routes_are_grouped_by_tag_and_found_from_the_top():
    operation = {"summary": "x", "tags": ["Things & more"], "responses": {"200": {"description": "y"}}}
    html = page({**SCHEMA, "paths": {"/a": {"post": operation}, "/b": {"get": operation}}}, "localhost")
    assert '<h2 id="about-Things-more">Things &amp; more</h2>' in html
    assert html.index('href="#post-a"') < html.index('href="#get-b"') < html.index('id="post-a"')


def test_refusals_stand_in_one_line():
    problem = {"description": "<no>", "content": {"application/problem+json": {"schema": {"$ref": "#/s/Problem"}}}}
    operation = {"summary": "x", "responses": {"200": {"description": "y"}, "401": problem, "404": problem}}
    html = page({**SCHEMA, "paths": {"/a": {"get": operation}}}, "localhost")
    assert '<abbr title="&lt;no&gt;">401</abbr> <abbr title="&lt;no&gt;">404</abbr>' in html


def test_nothing_is_loaded_from_anywhere():
    html = page(SCHEMA, "localhost")
    assert not re.search(r"<(script|link|img|iframe|object)\b|@import|url\(", html)
