"""The ledger: subscriptions, broadcasts and deliveries in the database. No other room knows SQLAlchemy or Alembic."""
