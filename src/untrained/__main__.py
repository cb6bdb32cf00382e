"""`python -m untrained`, and the command `untrained`."""


def main() -> None:
    try:
        from untrained.cli import main  # only here: the processes that score import this module too
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    main()


if __name__ == "__main__":
    main()
