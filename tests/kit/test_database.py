"""Migrations and transactions."""

import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.orm import Session

from clickme.kit.database import Database, migrations
from clickme.kit.house import open_house
from clickme.kit.problems import Problem
from clickme.settings import Settings


def test_the_migrations_make_what_the_models_say(worker_database: Database) -> None:
    config = migrations()
    config.attributes["engine"] = worker_database.engine
    command.check(config)


def test_every_migration_can_be_undone(settings: Settings) -> None:
    database = Database(str(settings.database_url))
    config = migrations()
    config.attributes["engine"] = database.engine
    command.downgrade(config, "base")
    assert database.revision() is None
    database.migrate()
    command.check(config)
    database.close()


def test_a_migration_does_not_wait_for_a_busy_table_for_ever(settings: Settings) -> None:
    database = Database(str(settings.database_url))
    config = migrations()
    config.attributes["engine"] = database.engine
    with database.engine.connect() as busy:
        busy.execute(text("SELECT 1 FROM rounds"))
        with pytest.raises(Exception, match="lock timeout"):
            command.downgrade(config, "base")
    database.close()


def test_an_outside_database_of_another_version_is_not_touched(settings: Settings) -> None:
    database = Database(str(settings.database_url))
    with database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    with pytest.raises(Problem) as problem, open_house(settings=settings):
        pass
    assert problem.value.code == "database_version"
    assert "clickme db migrate" in problem.value.message
    database.close()


def test_an_error_undoes_the_whole_transaction(settings: Settings) -> None:
    database = Database(str(settings.database_url))

    def fail(session: Session) -> None:
        session.execute(text("UPDATE categories SET words = 'changed'"))
        raise ValueError

    with pytest.raises(ValueError), database.transaction() as session:
        fail(session)
    with database.transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM categories WHERE words = 'changed'")) == 0
    database.close()


def test_an_unreachable_database_is_a_problem_not_a_traceback(settings: Settings) -> None:
    away = settings.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/nothing"})
    with pytest.raises(Problem) as problem, open_house(settings=away):
        pass
    assert problem.value.code == "database_unreachable"
