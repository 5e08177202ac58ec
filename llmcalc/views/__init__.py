"""Pictures and tables as text. Each draws at its defaults and knows nothing of widgets."""
