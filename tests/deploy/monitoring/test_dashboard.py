"""The dashboard of deploy/grafana: its shape. test_monitoring.py asks its queries."""

import itertools
import json
import re

import jsonschema
import pytest
import yaml

from prometheus import ROOT
from promql import counters_as_they_are, grouping_labels

FOLDER = ROOT / "deploy/grafana"
COLUMNS = 24
UNITS = {"short", "s", "reqps", "ops", "cps", "percentunit", "bytes"}
TYPES = {"row", "stat", "timeseries", "heatmap", "table"}
SOURCE = {"const": {"type": "prometheus", "uid": "${datasource}"}}
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
VARIABLES = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}

TARGET = {
    "type": "object",
    "required": ["datasource", "refId", "expr", "format"],
    "additionalProperties": False,
    "properties": {
        "datasource": SOURCE,
        "refId": {"pattern": "^[A-Z]$"},
        "expr": {"type": "string", "minLength": 1},
        "format": {"enum": ["time_series", "heatmap", "table"]},
        "editorMode": {"const": "code"},
        "instant": {"type": "boolean"},
        "range": {"type": "boolean"},
        "legendFormat": {"type": "string"},
    },
}
PANEL = {
    "type": "object",
    "required": ["id", "type", "title", "gridPos"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "type": {"enum": sorted(TYPES)},
        "title": {"type": "string", "minLength": 3},
        "description": {"type": "string", "pattern": "\\.$"},
        "datasource": SOURCE,
        "gridPos": {
            "type": "object",
            "required": ["x", "y", "w", "h"],
            "additionalProperties": False,
            "properties": {"x": {"minimum": 0}, "y": {"minimum": 0}, "w": {"minimum": 1}, "h": {"minimum": 1}},
        },
        "targets": {"type": "array", "minItems": 1, "items": TARGET},
        "fieldConfig": {
            "type": "object",
            "required": ["defaults", "overrides"],
            "additionalProperties": False,
            "properties": {"defaults": {"required": ["unit"], "properties": {"unit": {"enum": sorted(UNITS)}}},
                           "overrides": {"type": "array"}},
        },
        "options": {"type": "object"},
        "transformations": {"type": "array"},
        "repeat": {"enum": sorted(VARIABLES)},
        "repeatDirection": {"const": "h"},
        "maxPerRow": {"type": "integer"},
        "collapsed": {"const": False},
        "panels": {"maxItems": 0},
    },
    "if": {"not": {"properties": {"type": {"const": "row"}}}},
    "then": {"required": ["description", "datasource", "targets", "fieldConfig", "options"]},
}
# Only what a dashboard as a file needs: no database ids, versions or inputs of an export.
SCHEMA = {
    "type": "object",
    "required": ["uid", "title", "schemaVersion", "panels", "templating", "time", "refresh"],
    "additionalProperties": False,
    "properties": {
        "uid": {"type": "string", "pattern": "^[a-z-]{1,40}$"},
        "title": {"type": "string"},
        "description": {"type": "string"},
        "tags": {"type": "array"},
        "schemaVersion": {"type": "integer", "minimum": 41}, # of Grafana 12; later ones bring it up to theirs
        "editable": {"type": "boolean"},
        "graphTooltip": {"enum": [0, 1, 2]},
        "timezone": {"const": "browser"},
        "refresh": {"type": "string"},
        "time": {"type": "object", "required": ["from", "to"]},
        "templating": {"type": "object"},
        "annotations": {"type": "object"},
        "links": {"type": "array"},
        "panels": {"type": "array", "items": PANEL},
    },
}


def overlap(one, other):
    a, b = one["gridPos"], other["gridPos"]
    return a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"] and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]


def test_it_has_the_shape_of_a_dashboard():
    jsonschema.Draft7Validator(SCHEMA).validate(DASHBOARD)


@pytest.mark.parametrize("cruft", [{"id": 3}, {"version": 7}, {"__inputs": []}, {"iteration": 1}])
def test_what_an_export_adds_is_refused(cruft):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(SCHEMA).validate(DASHBOARD | cruft)


def test_panels_have_ids_of_their_own():
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))


def test_panels_do_not_overlap_and_fit_the_grid():
    for one, other in itertools.combinations(DASHBOARD["panels"], 2):
        assert not overlap(one, other), (one["title"], other["title"])
    for panel in DASHBOARD["panels"]:
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= COLUMNS, panel["title"]
    assert overlap({"gridPos": {"x": 0, "y": 0, "w": 8, "h": 8}}, {"gridPos": {"x": 7, "y": 7, "w": 1, "h": 1}})


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_is_drawn_as_its_queries_answer(panel):
    references = [target["refId"] for target in panel["targets"]]
    assert len(references) == len(set(references))
    for target in panel["targets"]:
        wanted = {"heatmap": "heatmap", "table": "table"}.get(panel["type"], "time_series")
        assert target["format"] == wanted
        assert bool(target.get("instant")) == (panel["type"] == "table")


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_legend_names_labels_that_the_query_keeps(panel):
    for target in panel["targets"]:
        labels = set(re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", "")))
        assert labels <= grouping_labels(target["expr"]), target


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_query_takes_the_rate_of_counters_over_the_interval_of_grafana(panel):
    for target in panel["targets"]:
        assert not counters_as_they_are(target["expr"])
        assert set(re.findall(r"\[([^\]]+)\](?![^{]*\})", target["expr"])) <= {"$__rate_interval"}


def texts_with_variables():
    for panel in PANELS:
        yield panel["title"]
        yield from (target["expr"] for target in panel["targets"])
    for variable in VARIABLES.values():
        yield variable["query"]["query"] if isinstance(variable["query"], dict) else variable["query"]


def test_all_variables_are_there_and_used():
    used = {name for text in texts_with_variables() for name in re.findall(r"\$(\w+)", text)}
    assert used == (set(VARIABLES) - {"datasource"}) | {"__rate_interval"}
    for name in ("namespace", "instance", "route"):
        assert VARIABLES[name]["includeAll"] and VARIABLES[name]["multi"] and VARIABLES[name]["allValue"] == ".*"


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_every_query_follows_the_choice_of_job_and_instance(panel):
    for target in panel["targets"]:
        for matchers in re.findall(r"\{([^}]*)\}", target["expr"]):
            assert 'job="$job"' in matchers and 'instance=~"$instance"' in matchers, target["expr"]


def provisioned(kind):
    file, = (FOLDER / "provisioning" / kind).glob("*.yaml")
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def test_the_provisioned_source_is_the_one_that_the_dashboard_starts_with():
    source, = provisioned("datasources")["datasources"]
    assert VARIABLES["datasource"]["query"] == source["type"] == "prometheus"
    assert VARIABLES["datasource"]["current"]["value"] == source["uid"]


def test_grafana_knows_how_often_is_scraped():
    source, = provisioned("datasources")["datasources"]
    scraping = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yaml").read_text(encoding="utf-8"))
    assert source["jsonData"]["timeInterval"] == scraping["global"]["scrape_interval"]
    assert VARIABLES["job"]["current"]["value"] == scraping["scrape_configs"][0]["job_name"]


def test_the_provider_reads_files_that_cannot_be_changed_elsewhere():
    provider, = provisioned("dashboards")["providers"]
    assert provider["type"] == "file" and provider["allowUiUpdates"] is False
