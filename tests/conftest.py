import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small products on two threads crawl when the cores are busy
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # and where two were asked for, one spins while the other waits

sys.path.insert(0, str(Path(__file__).parent))  # so that every test finds laws.py
