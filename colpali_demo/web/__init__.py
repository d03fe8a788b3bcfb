"""The Gradio app: page, sessions, and the browser components."""
