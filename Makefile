# The commands of the project. `make` alone lists them; ARGS= goes on to the program behind a command.

PYTHONS = $(or $(PYTHON),python3.13 python3.12 python3.11 python3 python)
VENV_PYTHON = .venv/bin/python
PIP_INSTALL = $(VENV_PYTHON) -m pip install --quiet --disable-pip-version-check

# A setup is finished when its stamp is there, and the stamp is written last. Its name tells the folder, because an
# environment that was moved or copied with its folder has to be set up again.
FOLDER := $(shell pwd | cksum | cut -d ' ' -f 1)
LAB = .venv/lab-$(FOLDER)
CLASSROOM = .venv/classroom-$(FOLDER)
TEST = .venv/test-$(FOLDER)

.PHONY: help lab test bench refresh exercises course lint clean

help:
	@echo 'make lab        open JupyterLab at lesson 00         ARGS="--no-browser --port=8899" goes on to JupyterLab'
	@echo 'make test       run every notebook and every test    ARGS="-k units" goes on to pytest'
	@echo 'make bench      print how fast things are'
	@echo 'make refresh    run the notebooks again and store what they print; ARGS=notebooks/01_... for one of them'
	@echo 'make exercises  make the exercises from their solutions'
	@echo 'make course     make an nbgrader course for a class, in the folder course'
	@echo 'make lint       check the style of the code'
	@echo 'make clean      remove the environments and what tests and tools leave behind'
	@echo 'The first time, a command sets up what it needs in .venv; PYTHON=python3.12 chooses the Python.'

# The root user, usual in a container, has to tell JupyterLab that this is meant. `exec`: Ctrl-C is for JupyterLab.
lab: $(LAB)
	@exec $(VENV_PYTHON) -m jupyterlab --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb \
		$$(test "$$(id -u)" != 0 || echo --allow-root) $(ARGS)

test: $(TEST)
	@$(VENV_PYTHON) -m pytest --nbval --nbval-current-env --nbval-cell-timeout=60 \
		--nbval-sanitize-with=tests/nbval_sanitize.cfg notebooks/*.ipynb notebooks/solutions tests llmcalc $(ARGS)

bench: $(TEST)
	@$(VENV_PYTHON) tests/tools/bench.py $(ARGS)

# The exercises carry the links of their solutions, so they follow; the teacher's guide counts all of them.
refresh: $(TEST)
	@$(VENV_PYTHON) tests/tools/refresh.py $(ARGS)
	@$(VENV_PYTHON) tests/tools/exercises.py
	@$(VENV_PYTHON) tests/tools/guide.py

exercises: $(TEST)
	@$(VENV_PYTHON) tests/tools/exercises.py

# What a teacher installs: no test tools.
course: $(CLASSROOM)
	@$(VENV_PYTHON) tests/tools/course.py

lint: $(TEST)
	@$(VENV_PYTHON) -m ruff check
	@$(VENV_PYTHON) -m ruff format --check

clean:
	rm -rf .venv .venv-* build *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
	find . -name .ipynb_checkpoints -prune -exec rm -rf {} +
	@if test -e course/submitted || test -e course/downloaded; \
		then echo 'course/ stays, it holds submissions: remove it by hand'; else rm -rf course; fi

# Matplotlib lists the fonts of the machine once; done here, it does not interrupt a lesson.
$(LAB): requirements.txt pyproject.toml $(VENV_PYTHON)
	@$(VENV_PYTHON) -m pip --version >/dev/null 2>&1 || { $(MAKE_ENVIRONMENT); }
	@echo 'Installing JupyterLab and what the lessons need: a minute or two, this once.'
	@$(PIP_INSTALL) -r requirements.txt -e .
	@$(VENV_PYTHON) -c 'import matplotlib.font_manager'
	@touch $@

$(CLASSROOM): $(LAB) notebooks/requirements-classroom.txt
	@echo 'Installing what a teacher needs.'
	@$(PIP_INSTALL) -r notebooks/requirements-classroom.txt
	@touch $@

$(TEST): $(CLASSROOM) tests/requirements.txt
	@echo 'Installing what the tests and tools need.'
	@$(PIP_INSTALL) -r tests/requirements.txt
	@touch $@

# Missing, or a link to a Python that is gone: then the setup above makes the environment anew.
$(VENV_PYTHON): ;

MAKE_ENVIRONMENT = \
	old=; bare=; \
	for python in $(PYTHONS); do \
		version=$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue; \
		$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { old=$${old:-$$version}; continue; }; \
		$$python -c 'import venv, ensurepip' 2>/dev/null || { bare=$${bare:-$$version}; continue; }; \
		echo "Making an environment with Python $$version in .venv."; \
		$$python -m venv --clear .venv; exit; \
	done; \
	if test "$$bare"; then \
		echo "Python $$bare cannot make environments; on Debian and Ubuntu: apt install python$$bare-venv"; \
	elif test "$$old"; then \
		echo "Python $$old is too old, 3.11 or newer is needed: see https://www.python.org/downloads/"; \
	else \
		echo "No Python found, 3.11 or newer is needed: see https://www.python.org/downloads/"; \
	fi >&2; \
	exit 1
