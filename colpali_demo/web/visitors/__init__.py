"""What each visitor has: pages, pictures, searches. None of it is shared; all of it is deleted when they leave."""

from colpali_demo.web.visitors.sessions import Sessions
from colpali_demo.web.visitors.visitor import Visitor

__all__ = ["Sessions", "Visitor"]
