"""Estimators of scikit-learn behind learners and harmonisers; imported where they are used, as they bring it along."""
