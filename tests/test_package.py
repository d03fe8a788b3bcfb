import subprocess
import sys

import pytest

import colpali_demo


def test_every_public_name_is_there():
    assert set(colpali_demo.__all__) <= set(dir(colpali_demo))
    for name in colpali_demo.__all__:
        assert getattr(colpali_demo, name).__name__ == name


def test_no_other_name_is():
    with pytest.raises(AttributeError, match="open_sesame"):
        _ = colpali_demo.open_sesame


def test_importing_the_package_and_its_documents_is_light():
    program = (
        "import sys, colpali_demo, colpali_demo.documents; print(*{'torch', 'transformers', 'gradio'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
