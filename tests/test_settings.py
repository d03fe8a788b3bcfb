import pytest

from colpali_demo.settings import Settings


def test_environment_variables_override_the_defaults():
    environ = {
        "COLPALI_MODEL": "somebody/colpali",
        "COLPALI_TOP_K": "3",
        "COLPALI_PAGE_SECONDS": "2.5",
        "COLPALI_HOST": " 0.0.0.0 ",
        "COLPALI_PORT": "",
        "TOP_K": "9",
    }
    assert Settings.from_env(environ) == Settings(model="somebody/colpali", top_k=3, page_seconds=2.5, host="0.0.0.0")
    assert Settings.from_env({}) == Settings()


def test_the_process_environment_is_the_default(monkeypatch):
    monkeypatch.setenv("COLPALI_MAX_PAGES", "7")
    assert Settings.from_env().max_pages == 7


@pytest.mark.parametrize("text", ["many", "1.5", "0", "-3"])
def test_a_wrong_number_is_named(text):
    with pytest.raises(ValueError, match="COLPALI_TOP_K"):
        Settings.from_env({"COLPALI_TOP_K": text})


@pytest.mark.parametrize("text", ["nan", "inf", "-1", "0"])
def test_seconds_are_positive_and_finite(text):
    with pytest.raises(ValueError, match="COLPALI_PAGE_SECONDS"):
        Settings.from_env({"COLPALI_PAGE_SECONDS": text})
