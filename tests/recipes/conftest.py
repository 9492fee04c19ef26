import pytest
from stand_ins import HOME, needs_mnist

from harmonium.recipes.common.steps import one_thread


@pytest.fixture(autouse=True)
def _one_thread():
    with one_thread():
        yield


@pytest.fixture
def mnist_home():
    """Return the folder that holds MNIST; without it the test is left out."""
    if needs_mnist.args[0]:
        pytest.skip(needs_mnist.kwargs["reason"])
    return HOME
