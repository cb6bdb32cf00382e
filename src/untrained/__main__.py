"""`python -m untrained`, and the command `untrained`."""


def main() -> None:
    from untrained.cli import main  # only here: the processes that score import this module too

    main()


if __name__ == "__main__":
    main()
