"""inference_step.py -- a prediction by ONNX Runtime or PyTorch, in a process that works in turns
as torch_step.py, of which it takes the networks and the batches."""

import json
import resource
import statistics
import sys
import time

import torch_step


def onnx_prediction(path, batch, threads):
    import numpy
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    draw = numpy.random.default_rng(1)
    rows = {}
    for value in session.get_inputs():
        shape = [batch if isinstance(size, str) else size for size in value.shape]
        rows[value.name] = (draw.random(shape, numpy.float32) if value.type == "tensor(float)"
                            else draw.integers(0, 1000, shape).astype(
                                numpy.int32 if value.type == "tensor(int32)" else numpy.int64))
    return lambda: session.run(None, rows)


def torch_prediction(model_name, variant, batch, threads):
    import torch
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model, _, inputs, _ = torch_step.parts(model_name, batch)
    model.eval()
    if variant == "compile":
        model = torch.compile(model)

    def predict():
        with torch.inference_mode():
            return model(*inputs)
    return predict


def main(model_name, variant, batch, threads, began):
    batch, threads = int(batch), int(threads)
    predict = (onnx_prediction(model_name, batch, threads) if variant == "onnx"
               else torch_prediction(model_name, variant, batch, threads))
    predict()
    first = time.time() - float(began)
    if variant == "compile":
        from torch._inductor.async_compile import shutdown_compile_workers
        shutdown_compile_workers()
    print(json.dumps({"first_step_s": first}), flush=True)
    for line in sys.stdin:
        times, end = [], time.perf_counter() + float(line)
        predict()                   # caches and clock after a pause
        while len(times) < 3 or time.perf_counter() < end:
            start = time.perf_counter()
            predict()
            times.append(time.perf_counter() - start)
        print(json.dumps({"us": 1e6 * statistics.median(times), "peak_mb":
                          resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
