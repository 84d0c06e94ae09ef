"""ONNX files: what a model file may hold, and what is refused before anything runs it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from kws.config.paths import bundled_models
from kws.spotting.graphs import INPUT, OUTPUT
from kws.spotting.model_file import ModelFile
from kws.spotting.onnx_format import (
    BATCH_AXIS,
    IR_VERSION,
    OPERATORS,
    OPSET,
    Graph,
    Model,
    Opset,
    Tensor,
    Value,
    Weights,
    check,
    node,
)
from kws.spotting.protobuf import MalformedError
from tests.spotting.models import untrained_file

SHAPES = ([3], [2])
"""Of input and output of the model below, without the batch."""


def model() -> onnx.ModelProto:
    """A dense layer, made by the library."""
    weights = {
        "weight": np.arange(6, dtype=np.float32).reshape(3, 2),
        "bias": np.ones(2, np.float32),
    }
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "weight", "bias"], ["y"], name="dense")],
        "dense",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    return helper.make_model(
        graph, ir_version=IR_VERSION, opset_imports=[helper.make_opsetid("", OPSET)]
    )


def checked(made: onnx.ModelProto) -> Weights:
    return check(Model.decode(made.SerializeToString()), *SHAPES)


def test_a_plain_network_is_accepted() -> None:
    weights = checked(model())
    assert {name: each.shape for name, each in weights.items()} == {"weight": (3, 2), "bias": (2,)}
    assert weights["weight"].tolist() == [[0, 1], [2, 3], [4, 5]]


def _node(operator: str, inputs: Sequence[str] = ("x",), **settings: Any) -> onnx.NodeProto:
    return helper.make_node(operator, list(inputs), ["z"], **settings)


def _graph() -> onnx.GraphProto:
    graph: onnx.GraphProto = model().graph
    return graph


def _external(made: onnx.ModelProto) -> None:
    tensor = made.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "../../etc/passwd"), ("offset", "0")):
        tensor.external_data.add(key=key, value=value)


def _add_function(made: onnx.ModelProto) -> None:
    opsets = [helper.make_opsetid("", OPSET)]
    inner = [helper.make_node("Relu", ["a"], ["b"])]
    made.functions.append(helper.make_function("own", "Own", ["a"], ["b"], inner, opsets))


def _add_input(made: onnx.ModelProto) -> None:
    made.graph.input.append(helper.make_tensor_value_info("q", TensorProto.FLOAT, ["n", 3]))


def _add_output(made: onnx.ModelProto) -> None:
    made.graph.output.append(helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2]))


def _shape(*lengths: int | str, kind: int = TensorProto.FLOAT) -> Callable[[onnx.ModelProto], None]:
    def change(made: onnx.ModelProto) -> None:
        made.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", kind, list(lengths)))

    return change


def _output(*lengths: int | str) -> Callable[[onnx.ModelProto], None]:
    def change(made: onnx.ModelProto) -> None:
        value = helper.make_tensor_value_info("y", TensorProto.FLOAT, list(lengths))
        made.graph.output[0].CopyFrom(value)

    return change


def _sequence(made: onnx.ModelProto) -> None:
    value = helper.make_tensor_sequence_value_info("x", TensorProto.FLOAT, ["n", 3])
    made.graph.input[0].CopyFrom(value)


def _weights(array: np.ndarray) -> Callable[[onnx.ModelProto], None]:
    def change(made: onnx.ModelProto) -> None:
        made.graph.initializer[0].CopyFrom(numpy_helper.from_array(array, "weight"))

    return change


def _typed_data(made: onnx.ModelProto) -> None:
    tensor = helper.make_tensor("weight", TensorProto.FLOAT, [3, 2], [0.0] * 6)
    made.graph.initializer[0].CopyFrom(tensor)


def _dims(*dims: int) -> Callable[[onnx.ModelProto], None]:
    def change(made: onnx.ModelProto) -> None:
        made.graph.initializer[0].ClearField("dims")
        made.graph.initializer[0].dims.extend(dims)

    return change


def _append(made: onnx.NodeProto) -> Callable[[onnx.ModelProto], None]:
    return lambda model: model.graph.node.append(made)


NAN = np.full((3, 2), np.nan, np.float32)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        # What could run or read anything else.
        (_append(_node("LSTM", ["x", "weight", "bias"])), "operator 'LSTM' is not one"),
        (_append(_node("")), "operator '' is not one"),
        (_append(_node("Relu", domain="com.microsoft")), "Node has field 7"),
        (_append(_node("If", then_branch=_graph(), else_branch=_graph())), "field 6"),
        (_append(_node("Loop", body=_graph())), "field 6"),
        (_append(_node("Relu", graphs=[_graph()])), "field 11"),
        (_append(_node("Relu", text="a")), "field 4"),
        (_append(_node("Relu", numbers=[1.0])), "field 7"),
        (_external, "Tensor has field 1[34]"),
        (_add_function, "Model has field 25"),
        (lambda m: m.opset_import.add(domain="ai.onnx.ml", version=3), "operators are not those"),
        (lambda m: m.opset_import.pop(), "operators are not those"),
        (lambda m: setattr(m.opset_import[0], "version", OPSET + 1), "operators are not those"),
        (lambda m: setattr(m.opset_import[0], "domain", "own"), "operators are not those"),
        (lambda m: setattr(m, "ir_version", IR_VERSION + 1), "IR version is 9"),
        (lambda m: m.training_info.add(), "Model has field 20"),
        # What tells of the machine that made it.
        (lambda m: setattr(m, "doc_string", "a"), "Model has field 6"),
        (lambda m: setattr(m, "domain", "a"), "Model has field 4"),
        (lambda m: setattr(m, "producer_version", "a"), "Model has field 3"),
        (lambda m: setattr(m.graph, "doc_string", "a"), "Graph has field 10"),
        (lambda m: setattr(m.graph.node[0], "doc_string", "a"), "Node has field 6"),
        (lambda m: m.graph.node[0].metadata_props.add(key="file", value="a"), "Node has field 9"),
        (lambda m: m.graph.metadata_props.add(key="file", value="a"), "Graph has field 16"),
        (lambda m: setattr(m.graph.initializer[0], "doc_string", "a"), "Tensor has field 12"),
        (lambda m: m.graph.sparse_initializer.add(), "Graph has field 15"),
        (lambda m: m.graph.quantization_annotation.add(), "Graph has field 14"),
        # What is not one batch of windows in, and one of posteriors out.
        (_add_input, "input is not one batch"),
        (_add_output, "output is not one batch"),
        (lambda m: m.graph.input.pop(), r"input is not one batch of \(3,\) \(found: none\)"),
        (lambda m: m.graph.output.pop(), "output is not one batch"),
        (_shape("n", 4), "input is not one batch"),
        (_shape(1, 3), "input is not one batch"),
        (_shape("n", "m"), "input is not one batch"),
        (_shape("n", 3, 1), "input is not one batch"),
        (_shape("n"), "input is not one batch"),
        (_shape(), "input is not one batch"),
        (_shape("n", 3, kind=TensorProto.DOUBLE), "input is not one batch"),
        (_sequence, "Type has field 4"),
        (_output("n", 3), "output is not one batch"),
        (_output("n"), "output is not one batch"),
        (lambda m: m.ClearField("graph"), "has no graph"),
        (lambda m: m.graph.node.pop(), "nothing computes its output"),
        (lambda m: m.graph.initializer.pop(), "needs 'bias', which nothing computes"),
        # Weights that are none.
        (_weights(NAN), "not finite"),
        (_weights(np.full((3, 2), np.inf, np.float32)), "not finite"),
        (_weights(np.zeros((3, 2), np.int64)), "not float32"),
        (_weights(np.zeros((3, 2), np.int32)), "have type 6: not float32"),
        (_weights(np.zeros((3, 2), np.float64)), "have type 11: not float32"),
        (_weights(np.zeros((3, 2), np.float16)), "have type 10: not float32"),
        (_typed_data, "Tensor has field 4"),
        (_dims(3, 3), "does not hold what its shape needs"),
        (_dims(), "does not hold what its shape needs"),
        (_dims(-3, -2), "has the shape"),
        (_dims(2**31, 2**31), "has the shape"),
        (_dims(2**62, 4), "has the shape"),
        (_dims(2**24 + 1), "has the shape"),
    ],
)
def test_what_a_model_file_may_not_hold(
    change: Callable[[onnx.ModelProto], object], message: str
) -> None:
    made = model()
    change(made)
    with pytest.raises(MalformedError, match=message):
        checked(made)


def test_constants_are_checked_as_weights_are() -> None:
    made = model()
    broken = numpy_helper.from_array(np.zeros(2, np.float32))
    broken.dims[0] = 2**40
    made.graph.node.insert(0, helper.make_node("Constant", [], ["c"], value=broken))
    with pytest.raises(MalformedError, match="has the shape"):
        checked(made)


def test_a_name_is_given_once() -> None:
    made = model()
    made.graph.initializer.append(numpy_helper.from_array(np.zeros(2, np.float32), "bias"))
    with pytest.raises(MalformedError, match="'bias' twice"):
        checked(made)
    made = model()
    made.graph.node.append(helper.make_node("Relu", ["x"], ["bias"]))
    with pytest.raises(MalformedError, match="'bias' twice"):
        checked(made)


def test_a_model_that_is_cut_short_is_malformed() -> None:
    encoded = model().SerializeToString()
    for size in range(len(encoded)):
        with pytest.raises(MalformedError):
            check(Model.decode(encoded[:size]), *SHAPES)


def test_a_tensor_is_its_array() -> None:
    for array in (np.arange(6, dtype=np.float32).reshape(2, 3), np.array([1, -(2**40)])):
        tensor = Tensor.of(array, "some")
        assert np.array_equal(tensor.array(), array)
        theirs = onnx.TensorProto.FromString(tensor.encode())
        assert np.array_equal(numpy_helper.to_array(theirs), array)
        assert theirs.name == "some"


def test_a_made_graph_is_one_of_the_library() -> None:
    nodes = (node("Relu", ("x",), "y"), node("Softmax", ("y",), "z", axis=-1))
    graph = Graph(nodes, "small", (), (Value.of("x", 4),), (Value.of("z", 4),))
    made = Model(IR_VERSION, "kws", graph, (Opset(version=OPSET),))
    assert check(made, [4], [4]) == {}
    onnx.checker.check_model(made.encode(), full_check=True)
    with pytest.raises(MalformedError, match="IR version"):
        check(replace(made, ir_version=99), [4], [4])


@pytest.fixture(scope="module", params=[*bundled_models().values(), None], ids=str)
def encoded(request: pytest.FixtureRequest) -> bytes:
    """Each bundled model, and one that was just made."""
    if request.param is None:
        file: ModelFile = untrained_file()
        return file.encoded
    content: bytes = request.param.read_bytes()
    return content


def test_model_files_are_valid_onnx_with_one_symbolic_axis(encoded: bytes) -> None:
    onnx.checker.check_model(encoded, full_check=True)
    graph = onnx.ModelProto.FromString(encoded).graph
    for value, name in ((graph.input, INPUT), (graph.output, OUTPUT)):
        (only,) = value
        assert only.name == name
        batch, *others = only.type.tensor_type.shape.dim
        assert batch.dim_param == BATCH_AXIS
        assert all(each.dim_value > 0 and not each.dim_param for each in others)
    assert {each.op_type for each in graph.node} <= OPERATORS


def test_model_files_contain_no_path_of_the_machine_they_were_made_on(encoded: bytes) -> None:
    model = onnx.ModelProto.FromString(encoded)
    assert not model.doc_string
    assert not model.graph.doc_string
    assert not any(each.doc_string or each.metadata_props for each in model.graph.node)
    names = [text for each in model.graph.node for text in (each.name, *each.input, *each.output)]
    names += [each.value for each in model.metadata_props]
    for folder in ("/tmp/", "/home/", "/root/", "/mnt/", "C:\\"):
        assert not [text for text in names if folder in text]
    assert model.producer_name == "kws"
