"""croissant.json: the files and what is in them, for programs that search and load data sets.

Source: MLCommons, "Croissant Format Specification" 1.1.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from clickme.export.beside.columns import Column, Kind, columns
from clickme.export.beside.responsible import responsible
from clickme.export.beside.words import CITATION, count, description, pattern, rows, splits
from clickme.export.facts import Facts

CROISSANT = "http://mlcommons.org/croissant/1.1"
RAI = "http://mlcommons.org/croissant/RAI/1.0"

# The context that the specification names, word for word: programs compare it.
CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}

# A MIME type, or where there is none the address of a description.
ENCODINGS = {
    "tfrecord": "https://www.tensorflow.org/tutorials/load_data/tfrecord",
    "webdataset": "application/x-tar",
    "parquet": "application/x-parquet",
    "hdf5": "application/x-hdf5",
    "npz": "https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html",
    "ndjson": "application/jsonlines",
}
TYPES: Mapping[Kind, str] = {
    "jpeg": "sc:ImageObject",
    "png": "sc:ImageObject",
    "raw": "cr:Float32",
    "float32": "cr:Float32",
    "float64": "cr:Float64",
    "int64": "cr:Int64",
    "int16": "cr:Int16",
    "bool": "sc:Boolean",
    "text": "sc:Text",
    "moment": "sc:DateTime",
}
TABLES = ("parquet", "ndjson")  # formats whose files have columns
NO_FIELD = ("rules",)  # an object, whose keys differ from game to game
INSIDE = {
    "jpg": "image/jpeg",
    "heatmap.png": "image/png",
    "cls": "text/plain",
    "json": "application/json",
}


def croissant(facts: Facts) -> str:
    """The whole croissant.json. There is no address, licence or author in it that nobody has given."""
    said = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": [CROISSANT, RAI],
        "name": "ClickMe",
        "description": description(facts),
        "version": facts.version,
        "keywords": ["ClickMe", "saliency", "attention", "human annotation", "image classification"],
        "citeAs": CITATION,
        "license": facts.licence,
        "datePublished": facts.last_round,
        **responsible(facts),
        "distribution": [*file_objects(facts), *file_sets(facts)],
        "recordSet": list(record_sets(facts)),
    }
    known = {name: value for name, value in said.items() if value not in (None, [])}
    return json.dumps(known, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def file_objects(facts: Facts) -> Iterator[dict[str, Any]]:
    for shard in facts.shards:
        yield {
            "@type": "cr:FileObject",
            "@id": shard.name,
            "name": shard.name,
            "description": f"{count(rows(facts, shard), 'record')} of {shard.split}",
            "contentUrl": shard.name,
            "contentSize": f"{shard.bytes} B",
            "encodingFormat": ENCODINGS[facts.format],
            "sha256": shard.sha256,
        }


def file_sets(facts: Facts) -> Iterator[dict[str, Any]]:
    """All files of a split; for WebDataset also what lies in its archives, by the kind of file."""
    if facts.format in TABLES:
        patterns = [pattern(facts, split) for split in splits(facts)]
        yield _file_set("files", "all splits", facts, patterns)
    elif facts.format == "webdataset":
        archives = [{"@id": shard.name} for shard in facts.shards]
        for column in columns(facts):
            inside = {"containedIn": archives, "encodingFormat": INSIDE[column.name]}
            yield _file_set(column.name, column.says, facts, [f"*.{column.name}"]) | inside
    else:
        for split in splits(facts):
            yield _file_set(f"{split}-files", f"the split {split}", facts, [pattern(facts, split)])


def _file_set(name: str, says: str, facts: Facts, includes: list[str]) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": name,
        "name": name,
        "description": says,
        "encodingFormat": ENCODINGS[facts.format],
        "includes": includes,
    }


def record_sets(facts: Facts) -> Iterator[dict[str, Any]]:
    """What programs can read by this description: the rows of tables, and what lies in archives."""
    if facts.format in TABLES:
        yield _the_splits(facts)
        fields = [_column(facts, column) for column in columns(facts) if column.name not in NO_FIELD]
        yield _record_set("records", description(facts), [_split(facts), *fields])
    elif facts.format == "webdataset":
        for column in columns(facts):
            yield _record_set(f"{column.name}-records", column.says, list(_in_archive(column)))


def _record_set(name: str, says: str, fields: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": says,
        "field": fields_of(name, fields),
    }


def fields_of(record_set: str, fields: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"@type": "cr:Field", "@id": f"{record_set}/{field['name']}"} | field for field in fields]


def _the_splits(facts: Facts) -> dict[str, Any]:
    return _record_set("splits", "the splits", [{"name": "name", "dataType": "sc:Text"}]) | {
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "data": [{"splits/name": split} for split in splits(facts)],
    }


def _split(facts: Facts) -> dict[str, Any]:
    source = {"fileSet": {"@id": "files"}, "extract": {"fileProperty": "fullpath"}}
    # It also matches what it gives: a reader may apply it to its own result.
    return {
        "name": "split",
        "description": "the split, by the file's name",
        "dataType": "sc:Text",
        "source": source
        | {"transform": {"regex": f"^(?:.*/|clickme-)?({'|'.join(splits(facts))})(?:-.*)?$"}},
        "references": {"field": {"@id": "splits/name"}},
    }


def _column(facts: Facts, column: Column) -> dict[str, Any]:
    source: dict[str, Any] = {"fileSet": {"@id": "files"}, "extract": {"column": column.name}}
    if column.kind in ("jpeg", "png"):
        source["transform"] = {"jsonPath": "bytes"}  # a column of pictures is a struct of bytes and path
    return _field(column) | {"source": source}


def _field(column: Column) -> dict[str, Any]:
    field: dict[str, Any] = {"name": column.name, "description": column.says, "dataType": TYPES[column.kind]}
    if column.shape and column.kind not in ("jpeg", "png"):
        field |= {"isArray": True, "arrayShape": ",".join(map(str, column.shape))}
    return field


def _in_archive(column: Column) -> Iterator[dict[str, Any]]:
    files = {"fileSet": {"@id": column.name}}
    ending = column.name.replace(".", r"\.")
    name = {"extract": {"fileProperty": "fullpath"}, "transform": {"regex": rf"^(.*)\.{ending}$"}}
    yield {
        "name": "key",
        "description": "what the files of a record have in common",
        "dataType": "sc:Text",
        "source": files | name,
    }
    yield _field(column) | {"name": "content", "source": files | {"extract": {"fileProperty": "content"}}}
