"""board.py: what TensorBoard's own reader finds in event files, as JSON."""

import json
import pathlib
import struct
import sys
import zlib

from tensorboard.backend.event_processing import event_accumulator
from tensorboard.plugins.hparams import plugin_data_pb2

KEEP_ALL = {"scalars": 0, "images": 0, "tensors": 0}


def read(folder):
    events = event_accumulator.EventAccumulator(str(folder), size_guidance=KEEP_ALL)
    events.Reload()
    return events


def scalars(events):
    return {tag: [[e.step, e.value] for e in events.Scalars(tag)]
            for tag in events.Tags()["scalars"]}


def picture(image):
    """Its size by its head, and the sum of its pixels, by the PNG specification."""
    data, at, found = image.encoded_image_string, 8, b""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        assert zlib.crc32(kind + body) == struct.unpack(">I", data[at + 8 + length:][:4])[0]
        if kind == b"IHDR":
            width, height, depth, color = struct.unpack(">IIBB", body[:10])
        if kind == b"IDAT":
            found += body
        at += 12 + length
    lines, pitch = zlib.decompress(found), 1 + width * (3 if color == 2 else 1)
    assert depth == 8 and len(lines) == height * pitch
    assert not any(lines[::pitch])
    return [image.height, image.width, height, width, sum(lines)]


def main(run):
    whole = read(run)
    out = {"scalars": {"": scalars(whole)}, "texts": {}, "hparams": {}}
    for folder in sorted(p for p in pathlib.Path(run).iterdir() if p.is_dir()):
        out["scalars"][folder.name] = scalars(read(folder))
    out["images"] = {tag: picture(whole.Images(tag)[0]) for tag in whole.Tags()["images"]}
    for tag in whole.Tags()["tensors"]:
        if whole.SummaryMetadata(tag).plugin_data.plugin_name == "text":
            out["texts"][tag] = whole.Tensors(tag)[0].tensor_proto.string_val[0].decode()
    for tag, content in whole.PluginTagToContent("hparams").items():
        data = plugin_data_pb2.HParamsPluginData.FromString(content)
        if tag.endswith("experiment"):
            out["differs"] = [p.name for p in data.experiment.hparam_infos if p.differs]
            out["metrics"] = [f"{m.name.group}/{m.name.tag}" for m in data.experiment.metric_infos]
        elif tag.endswith("start_info"):
            for name, value in data.session_start_info.hparams.items():
                out["hparams"][name] = getattr(value, value.WhichOneof("kind"))
        else:
            out["status"] = data.session_end_info.status
    json.dump(out, sys.stdout, indent=1)


main(sys.argv[1])
